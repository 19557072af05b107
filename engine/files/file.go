package files

import (
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// File is a file that was found: what is said of it, and its content, in memory or on the
// disk. Who got one from a Root gives it back once, by Release; until then nothing of it
// changes. The cache holds those it keeps in the same way.
type File struct {
	// Fields are the field lines that describe it, as they stand in a head; Validators are
	// those of them that tell it from another one: all that a 304 has (RFC 9110 section 15.4.5).
	Fields, Validators []byte
	// Size is that of the whole content.
	Size int64
	// Content is all of it; nil where that is on the disk: FD.
	Content []byte
	// FD is the descriptor of the open file. Its offset is nobody's: pread and sendfile.
	FD int

	tag      []byte // value of ETag; empty without
	modified []byte // value of Last-Modified, likewise
	seconds  int64  // the same as a number

	refs atomic.Int32 // who holds it; 0: it is gone
	disk *os.File     // nil where Content is all there is
	id   identity
	name string // below the root

	// Of those that the cache keeps.
	cache        *Cache
	key          *string // of the Root
	path         string
	sum          uint64
	checkedNanos atomic.Int64 // when the disk was looked at last
}

// identity is what tells a file from another one, or from itself after a change.
type identity struct {
	device, inode uint64
	size          int64
	nanos         int64 // of the last change
}

func identityOf(info fs.FileInfo) identity {
	id := identity{size: info.Size(), nanos: info.ModTime().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		id.device, id.inode = uint64(stat.Dev), stat.Ino //nolint:unconvert // other sizes on other machines
	}
	return id
}

// newFile describes an open file, which it takes over.
func newFile(disk *os.File, name string, info fs.FileInfo) *File {
	f := &File{Size: info.Size(), FD: int(disk.Fd()), disk: disk, id: identityOf(info), name: name}
	f.refs.Store(1)
	f.describe(info.ModTime())
	return f
}

// epochMax is the time of change up to which nothing is made of it: builds that are to come
// out the same each time set it to 0 or 1, for all files and versions.
const epochMax = 1

func (f *File) describe(changed time.Time) {
	b := make([]byte, 0, fieldsRoom)
	if f.seconds = changed.Unix(); f.seconds > epochMax {
		f.tag = strconv.AppendInt([]byte{'"'}, changed.UnixNano(), 36)
		f.tag = append(strconv.AppendInt(append(f.tag, '-'), f.Size, 36), '"')
		f.modified = changed.UTC().AppendFormat(nil, http.TimeFormat)
		b = append(append(append(b, "ETag: "...), f.tag...), "\r\nLast-Modified: "...)
		b = append(append(b, f.modified...), "\r\n"...)
	}
	n := len(b)
	b = append(append(append(b, "Accept-Ranges: bytes\r\nContent-Type: "...), kindOf(f.name)...), "\r\n"...)
	f.Fields, f.Validators = b, b[:n]
}

// fieldsRoom is enough for all but media types of uncommon length.
const fieldsRoom = 192

// hold takes one more hold; false: it is gone.
func (f *File) hold() bool {
	for n := f.refs.Load(); n > 0; n = f.refs.Load() {
		if f.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// Release gives it back. The last one closes it.
func (f *File) Release() {
	if f.refs.Add(-1) != 0 {
		return
	}
	if f.cache != nil {
		f.cache.gone(f)
	}
	if f.disk != nil {
		_ = f.disk.Close() // nothing was written
	}
}
