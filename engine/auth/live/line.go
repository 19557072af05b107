package live

import (
	"bytes"
	"fmt"
	"iter"
)

// Line is one line of a file that says something.
type Line struct {
	Number int // from 1
	Text   []byte
}

// Lines are the lines of the file without blank ones and those that begin with #, and
// without the white space around them. A byte order mark at the beginning is no part
// of the first.
func (f *File) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		number := 0
		for text := range bytes.SplitSeq(bytes.TrimPrefix(f.Data, []byte("\ufeff")), []byte("\n")) {
			number++
			text = bytes.TrimSpace(text)
			if len(text) > 0 && text[0] != '#' && !yield(Line{number, text}) {
				return
			}
		}
	}
}

// At makes an error of a line: FILE:LINE: reason.
func (f *File) At(line Line, err error) error {
	return fmt.Errorf("%s:%d: %w", f.Name, line.Number, err)
}
