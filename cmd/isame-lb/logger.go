package main

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/isame-lb/isame-lb/config"
)

// newLogger writes to stderr: JSON, or lines for people when log.format is text
// or unset on a terminal.
func newLogger(c *config.Log) zerolog.Logger {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = os.Stderr
	if c.Format == "text" || (c.Format == "" && term.IsTerminal(int(os.Stderr.Fd()))) {
		out = zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	setLevel(c.Level)
	return zerolog.New(out).With().Timestamp().Logger()
}

// setLevel applies log.level; it holds for the whole process and changes with a
// reload.
func setLevel(level string) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		l = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(l)
}
