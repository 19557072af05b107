package cli

import (
	"strings"
	"unicode/utf8"
)

const (
	// labelRoom is what the label of a paragraph takes, with the blanks behind it.
	labelRoom = 11
	// paragraphMin is the width below which labels stand above their text.
	paragraphMin = 40
)

// paragraph writes text in as many lines as it needs, behind a label or, with an empty
// one, from the edge on. Nothing of it is left out.
func (s *screen) paragraph(label, text string) {
	text = strings.ReplaceAll(printable(text), "\n", " ")
	indent := 0
	switch {
	case label == "":
	case s.width < paragraphMin:
		s.linef("%s", label)
		indent, label = min(2, s.width-1), ""
	default:
		indent = labelRoom
	}
	for i, line := range wrap(text, max(s.width-indent, 1)) {
		margin := strings.Repeat(" ", indent)
		if i == 0 && label != "" {
			margin = s.paint(label, bold) + strings.Repeat(" ", max(indent-utf8.RuneCountInString(label), 1))
		}
		s.buf.WriteString(margin + line + "\n")
	}
}

// wrap breaks text between words into lines of at most width characters; a word that is
// longer is broken itself.
func wrap(text string, width int) (lines []string) {
	var line []rune
	for word := range strings.FieldsSeq(text) {
		rest := []rune(word)
		if len(line) > 0 && len(line)+1+len(rest) <= width {
			line = append(append(line, ' '), rest...)
			continue
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
		for len(rest) > width {
			lines = append(lines, string(rest[:width]))
			rest = rest[width:]
		}
		line = append(line[:0], rest...)
	}
	if len(line) > 0 {
		lines = append(lines, string(line))
	}
	return lines
}
