package live

import (
	"errors"
	"sync/atomic"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// File is what a file holds. Data belongs to who is given it.
type File struct {
	Name string
	Data []byte
}

// Value is what was made of one or more files.
type Value[T any] struct {
	current           atomic.Pointer[T]
	rereads, failures atomic.Int64
	trouble           atomic.Pointer[error]

	keeper *Keeper
	files  *watched
}

// Open reads files and makes a value of them; an error is that of reading or making,
// and names the file. From then on k does the same whenever one of them changes, until
// the value is closed. What read returns is not changed any more. Without files read is
// called this once.
func Open[T any](k *Keeper, name string, files []string, read func([]File) (*T, error)) (*Value[T], error) {
	w := &watched{name: name, files: files}
	v := &Value[T]{keeper: k, files: w}
	w.put = func(held []File) error {
		made, err := read(held)
		if err == nil {
			v.current.Store(made)
		}
		return err
	}
	w.count = v.count
	if err := w.read(); err != nil {
		return nil, err
	}
	if len(files) > 0 {
		k.add(w)
	}
	return v, nil
}

// Close ends that, and never waits: a look that is under way may still read the files
// once. What was loaded last stays.
func (v *Value[T]) Close() error {
	v.keeper.remove(v.files)
	return nil
}

// Load is the value in force. It allocates nothing and may be called by any goroutine.
func (v *Value[T]) Load() *T { return v.current.Load() }

// Rereads counts how often changed files were read and taken.
func (v *Value[T]) Rereads() int64 { return v.rereads.Load() }

// Failures counts how often they were not.
func (v *Value[T]) Failures() int64 { return v.failures.Load() }

// Trouble says why the files as they are now are not in force; nil when they are.
func (v *Value[T]) Trouble() error {
	if err := v.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

func (v *Value[T]) count(err error) {
	if err == nil {
		v.rereads.Add(1)
		v.trouble.Store(nil)
		return
	}
	v.failures.Add(1)
	v.trouble.Store(&err)
}

// watched are the files of one value. Whoever looks holds the keeper's lock for that.
type watched struct {
	name  string
	files []string
	put   func([]File) error // makes the value and puts it in force
	count func(error)

	taken   []stamp // what was read last, good or bad
	seen    []stamp // what the last look found
	changes int     // looks since taken and seen are different
	said    string  // the error that was told
}

// due takes a look, and reports that the files are another than those read and have
// settled.
func (w *watched) due() bool {
	now := stampsOf(w.files)
	settled := equal(now, w.seen)
	w.seen = now
	if equal(now, w.taken) {
		w.changes = 0
		return false
	}
	w.changes++
	return settled || w.changes > settleLooksMax
}

// errBug is the error of a reader that met a bug.
var errBug = errors.New("cannot read the files: a bug was met, see the log")

// again reads the files anew and counts that.
func (w *watched) again() error {
	err := errBug
	safely.Do("files of stages: "+w.name, func() { err = w.read() }, nil)
	if errors.Is(err, errBug) {
		w.taken = w.seen // the same bytes would meet it each second
	}
	w.count(err)
	return err
}

// read reads the files and makes the value. After an error of reading, taken is left
// unknown, so that the next look tries again: that error may pass without a change of
// the file.
func (w *watched) read() error {
	held, stamps := make([]File, 0, len(w.files)), make([]stamp, 0, len(w.files))
	w.taken = nil
	for _, name := range w.files {
		data, s, err := readFile(name)
		if err != nil {
			return err
		}
		held, stamps = append(held, File{Name: name, Data: data}), append(stamps, s)
	}
	w.taken, w.seen, w.changes = stamps, stamps, 0
	return w.put(held)
}
