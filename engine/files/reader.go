package files

import (
	"errors"
	"io"
)

// ErrShort is a file that has lost content since its size was told to a client.
var ErrShort = errors.New("the file has become shorter while it was sent")

// Reader reads a part of a file. The zero value has nothing.
type Reader struct {
	File    *File // nil: no file
	At, End int64
}

// Left is how much is still to be read.
func (r *Reader) Left() int64 { return r.End - r.At }

// Read implements io.Reader; the last bytes come with io.EOF.
func (r *Reader) Read(p []byte) (n int, err error) {
	if int64(len(p)) > r.Left() {
		p = p[:r.Left()]
	}
	if r.File != nil && r.File.Content != nil {
		n = copy(p, r.File.Content[r.At:])
	} else if len(p) > 0 {
		n, err = r.File.disk.ReadAt(p, r.At)
	}
	r.At += int64(n)
	switch {
	case errors.Is(err, io.EOF) && n < len(p):
		return n, ErrShort
	case err != nil && !errors.Is(err, io.EOF):
		return n, err //nolint:wrapcheck // it names the file
	case r.Left() == 0:
		return n, io.EOF
	}
	return n, nil
}
