package cli

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
)

// fallbackWidth is used when nobody says how wide the terminal is.
const fallbackWidth = 80

// screen collects what a command shows to a human.
type screen struct {
	buf    bytes.Buffer
	width  int // in characters
	colour bool
	now    time.Time
}

// newScreen asks $COLUMNS, then the terminal. Colours only go to a terminal,
// and not when NO_COLOR is set (https://no-color.org) or the terminal is dumb.
func newScreen(env *Env) *screen {
	s := &screen{width: fallbackWidth, now: env.Now()}
	file, ok := env.Stdout.(*os.File)
	isTerminal := ok && term.IsTerminal(int(file.Fd()))
	if columns, err := strconv.Atoi(env.getenv("COLUMNS")); err == nil && columns > 0 {
		s.width = columns
	} else if isTerminal {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			s.width = width
		}
	}
	s.colour = isTerminal && env.getenv("NO_COLOR") == "" && env.getenv("TERM") != "dumb"
	return s
}

// linef writes one line of text, cut at the width of the screen.
func (s *screen) linef(format string, args ...any) {
	s.buf.WriteString(cut(printable(fmt.Sprintf(format, args...)), s.width))
	s.buf.WriteByte('\n')
}

// wholef writes one line that must not be cut.
func (s *screen) wholef(format string, args ...any) {
	s.buf.WriteString(printable(fmt.Sprintf(format, args...)))
	s.buf.WriteByte('\n')
}

// paintf is wholef in a colour, where there are colours.
func (s *screen) paintf(st style, format string, args ...any) {
	s.buf.WriteString(s.paint(printable(fmt.Sprintf(format, args...)), st))
	s.buf.WriteByte('\n')
}

// blank writes an empty line.
func (s *screen) blank() {
	s.buf.WriteByte('\n')
}

// style is how a cell is painted.
type style byte

const (
	plain style = iota
	bold
	green
	yellow
	red
)

// paint wraps text in the colour's escape sequences when there are colours.
func (s *screen) paint(text string, st style) string {
	if !s.colour || st == plain {
		return text
	}
	code := map[style]string{bold: "1", green: "32", yellow: "33", red: "31"}[st]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// printable replaces what could move the cursor or recolour the terminal: a
// reason may quote what a backend sent. Line breaks of our own texts stay.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// cut shortens text to width characters, the last of them … when something is missing.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return strings.TrimRight(string(runes[:width-1]), " ") + "…"
}

// cutMiddle shortens text to width characters, with … in the middle of what is left: what a
// name ends in tells more than what it begins with.
func cutMiddle(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// count writes a number with a comma each three digits.
func count[T int | int64 | uint64](n T) string {
	digits := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var sb strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			sb.WriteByte(',')
		}
		sb.WriteRune(d)
	}
	return sign + sb.String()
}

// age is how long ago t was, in its largest unit; a zero t is a dash.
func (s *screen) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(s.now.Sub(t))
}

// left is how long it is until t.
func (s *screen) left(t time.Time) string { return short(t.Sub(s.now)) }

// ago says when t was: now, or how long ago; a zero t is never.
func (s *screen) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if age := s.age(t); age != justNow {
		return age + " ago"
	}
	return justNow
}

// justNow is an age of less than a second.
const justNow = "now"

// short writes a duration in its largest unit, from seconds to days.
func short(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return justNow
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 2*day:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(d/day)) + "d"
	}
}
