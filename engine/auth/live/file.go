package live

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// BytesMax bounds a file.
const BytesMax = 64 << 20

var (
	errNotRegular = errors.New("it is not a regular file")
	errTooLarge   = fmt.Errorf("it is larger than %d MiB", BytesMax>>20)
)

// stamp tells one state of a file from another. Zero is a file that is not there or
// that cannot be looked at. The time of its last change of state is part of it, which
// no program can set.
type stamp struct {
	device, inode, size  uint64
	written, changedNano int64
}

func stampOf(s fs.FileInfo) stamp {
	made := stamp{size: uint64(s.Size()), written: s.ModTime().UnixNano()}
	if sys, ok := s.Sys().(*syscall.Stat_t); ok {
		made.device, made.inode, made.changedNano = sys.Dev, sys.Ino, sys.Ctim.Nano()
	}
	return made
}

// stampsOf looks at files.
func stampsOf(files []string) []stamp {
	stamps := make([]stamp, len(files))
	for i, name := range files {
		if s, err := os.Stat(name); err == nil {
			stamps[i] = stampOf(s)
		}
	}
	return stamps
}

func equal(a, b []stamp) bool { return len(a) == len(b) && slices.Equal(a, b) }

// readFile reads a regular file whole. The stamp is of the time before it was read, so
// that what is written meanwhile makes another one.
func readFile(name string) ([]byte, stamp, error) {
	// A pipe without a writer would hold up a plain open.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, stamp{}, fmt.Errorf("cannot read file %q: %w", name, reason(err))
	}
	defer f.Close()
	s, err := f.Stat()
	switch {
	case err != nil:
	case !s.Mode().IsRegular():
		err = errNotRegular
	case s.Size() > BytesMax:
		err = errTooLarge
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, BytesMax+1))
	}
	if err == nil && len(data) > BytesMax {
		err = errTooLarge
	}
	if err != nil {
		return nil, stamp{}, fmt.Errorf("cannot read file %q: %w", name, reason(err))
	}
	return data, stampOf(s), nil
}

// reason is an error without the name of the file, which stands before it already.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
