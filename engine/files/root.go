package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Folder is a folder and how it is served, as a configuration has it.
type Folder struct{ Path, Index, Fallback string }

// Root serves a folder. It never changes; any goroutine may use it.
type Root struct {
	folder Folder
	cache  *Cache
	key    string // of its files in the cache, the same for a folder that is served in the same way
	seed   uint64
	// fallback is what its file is kept under, beside all paths.
	fallback []byte
}

// NewRoot makes a Root whose files are kept in cache. The folder need not be there.
func NewRoot(folder Folder, cache *Cache) *Root {
	key := strings.Join([]string{folder.Path, folder.Index, folder.Fallback}, "\x00")
	return &Root{folder: folder, cache: cache, key: key, seed: xxhash.Sum64String(key), fallback: []byte(folder.Fallback)}
}

// Result is what became of a look for a file.
type Result uint8

const (
	// Found is a file.
	Found Result = iota
	// Moved is a folder with an index, whose path has to end in a slash.
	Moved
	// Missing is that there is no such file, or none that may be served.
	Missing
	// Denied is one that the proxy may not read, or that a link outside of the folder leads to.
	Denied
	// Failed is a disk that could not be asked.
	Failed
)

// Held returns the file that a normalised path means, if it is in the cache and was looked
// at a moment ago; nil means that Open has to be asked.
func (r *Root) Held(path []byte, nowNanos int64) *File {
	f := r.cache.find(&r.key, path, r.sum(path))
	if f == nil {
		return nil
	}
	checked := f.checkedNanos.Load()
	switch age := time.Duration(nowNanos - checked); {
	case age < freshTime, age < staleTime && !f.checkedNanos.CompareAndSwap(checked, nowNanos):
		return f
	}
	f.Release()
	return nil
}

func (r *Root) sum(path []byte) uint64 { return xxhash.Sum64(path) ^ r.seed }

// Open returns the file that a normalised path means, as it is on the disk now. The error
// says why it has Failed.
func (r *Root) Open(path []byte, nowNanos int64) (*File, Result, error) {
	name, ok := appendName(nil, path)
	if !ok {
		return nil, Missing, nil
	}
	root, err := os.OpenRoot(r.folder.Path)
	if err != nil {
		return nil, Failed, fmt.Errorf("cannot open the folder: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing was written
	l := look{Root: r, disk: root, nowNanos: nowNanos}
	f, result, err := l.find(path, string(name))
	if result == Missing && len(r.fallback) > 0 {
		if f, result, err = l.find(r.fallback, r.folder.Fallback); result == Moved {
			result = Missing
		}
	}
	if result != Failed {
		return f, result, nil
	}
	return nil, Failed, fmt.Errorf("cannot read a file: %w", err)
}

// look is one look at the disk.
type look struct {
	*Root

	disk     *os.Root
	nowNanos int64
}

// find returns the file of a path, whose name below the root is given.
func (l *look) find(path []byte, name string) (*File, Result, error) {
	isFolder := name == "" || strings.HasSuffix(name, "/")
	if isFolder {
		if l.folder.Index == "" {
			return nil, Missing, nil
		}
		name += l.folder.Index
	}
	sum := l.sum(path)
	if f := l.kept(path, sum); f != nil {
		return f, Found, nil
	}
	disk, info, err := l.open(name)
	if err != nil {
		return nil, resultOf(err), err
	}
	switch {
	case info.IsDir() && !isFolder && l.hasIndex(name):
		_ = disk.Close() // nothing was written
		return nil, Moved, nil
	case !info.Mode().IsRegular():
		_ = disk.Close()
		return nil, Missing, nil
	}
	f := newFile(disk, name, info)
	l.keep(f, path, sum)
	return f, Found, nil
}

// open opens a file. Pipes and devices do not hold it up, and become nobody's terminal.
func (l *look) open(name string) (*os.File, fs.FileInfo, error) {
	disk, err := l.disk.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // Open does
	}
	info, err := disk.Stat()
	if err != nil {
		_ = disk.Close() // nothing was written
	}
	return disk, info, err //nolint:wrapcheck // Open does
}

func (l *look) hasIndex(folder string) bool {
	if l.folder.Index == "" {
		return false
	}
	info, err := l.disk.Stat(folder + "/" + l.folder.Index)
	return err == nil && info.Mode().IsRegular()
}

// kept returns the file of the cache, if it is still the one of the disk.
func (l *look) kept(path []byte, sum uint64) *File {
	f := l.cache.find(&l.key, path, sum)
	if f == nil {
		return nil
	}
	if info, err := l.disk.Stat(f.name); err == nil && identityOf(info) == f.id {
		f.checkedNanos.Store(l.nowNanos)
		return f
	}
	l.cache.drop(f)
	f.Release()
	return nil
}

// youngTime is how old the last change of a file must be for its time to tell a later one
// from it: kernels set it by a clock that ticks.
const youngTime = 100 * time.Millisecond

// keep puts a file into the cache, where it is asked for often.
func (l *look) keep(f *File, path []byte, sum uint64) {
	switch {
	case !l.cache.asks(sum, l.nowNanos), l.cache.closed.Load(),
		time.Since(time.Unix(0, f.id.nanos)) < youngTime,
		f.Size > openMax, !l.cache.hasRoom(f.Size, l.nowNanos),
		f.Size <= contentMax && !f.read():
		return
	}
	f.key, f.path, f.sum = &l.key, string(path), sum
	f.checkedNanos.Store(l.nowNanos)
	l.cache.put(f)
}

// read reads the content into memory; false: the file is not the one it was, or cannot be
// read, and who sends it will see.
func (f *File) read() bool {
	content := make([]byte, f.Size)
	if n, _ := f.disk.ReadAt(content, 0); int64(n) < f.Size {
		return false
	}
	info, err := f.disk.Stat()
	if err != nil || identityOf(info) != f.id {
		return false
	}
	_ = f.disk.Close() // nothing was written
	f.Content, f.disk, f.FD = content, nil, -1
	return true
}

// resultOf is what an error of opening a file means. Without a number of the system it is a
// link that leads out of the folder.
func resultOf(err error) Result {
	var number syscall.Errno
	switch {
	case errors.Is(err, fs.ErrPermission), !errors.As(err, &number):
		return Denied
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	}
	switch number { //nolint:exhaustive // all others are failures
	case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ENXIO, syscall.ENODEV, syscall.EINVAL:
		return Missing
	}
	return Failed
}
