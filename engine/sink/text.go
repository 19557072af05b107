package sink

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/rs/zerolog"
)

// Text makes lines for people of lines of JSON, with their fields in the order in
// which they were written, and writes them to out. One goroutine uses it.
func Text(out io.Writer, noColor bool) io.Writer {
	return &text{out: out, noColor: noColor}
}

type text struct {
	out     io.Writer
	noColor bool
	room    bytes.Buffer
}

// Write implements io.Writer for whole lines. A line that is no JSON passes as it is.
func (t *text) Write(lines []byte) (int, error) {
	t.room.Reset()
	for line := range bytes.Lines(lines) {
		w := zerolog.ConsoleWriter{Out: &t.room, TimeFormat: time.TimeOnly, NoColor: t.noColor, FieldsOrder: keys(line)}
		if _, err := w.Write(line); err != nil {
			t.room.Write(line)
		}
	}
	if _, err := t.out.Write(t.room.Bytes()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// keys are the names of the fields of an object, in their order.
func keys(object []byte) (names []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return names
		}
		text, isText := name.(string)
		var value json.RawMessage
		if !isText || d.Decode(&value) != nil {
			return names
		}
		names = append(names, text)
	}
	return names
}
