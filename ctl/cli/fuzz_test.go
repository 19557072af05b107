package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzTable draws one row of anything at any width: never wider, never two
// lines, never an escape sequence.
func FuzzTable(f *testing.F) {
	f.Add("a", "b", "c", 80)
	f.Add("\x1b[2J", "line\nbreak", strings.Repeat("x", 200), 20)
	f.Add("", "", "", 1)
	f.Fuzz(func(t *testing.T, first, number, last string, width int) {
		if width < 1 || width > 500 {
			return
		}
		s := &screen{width: width}
		tab := table{columns: []column{{title: "FIRST", min: 3}, {title: "N", right: true, drop: 1}, {title: "LAST", min: 5}}}
		tab.row(c(first), c(number), c(last))
		tab.draw(s, "")
		lines := strings.Split(strings.TrimSuffix(s.buf.String(), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("got %d lines; want header and row", len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > width || strings.ContainsAny(line, "\x1b\r\t") {
				t.Errorf("got %q in %d columns", line, width)
			}
		}
	})
}
