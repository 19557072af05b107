package run

import (
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/sink"
)

// flushTime bounds how long the end of the process waits for whoever reads the log.
const flushTime = time.Second

// newSink is where the log goes: stderr, as JSON, or as lines for people when
// log.format is text or unset on a terminal. Nobody waits for its reader, and the
// process survives when that leaves: without this, Go ends a process that writes to
// a stdout or stderr which nobody holds any more.
func newSink(c *config.Log) *sink.Sink {
	signal.Ignore(syscall.SIGPIPE)
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = os.Stderr
	if c.Format == "text" || (c.Format == "" && term.IsTerminal(int(os.Stderr.Fd()))) {
		out = sink.Text(os.Stderr, os.Getenv("NO_COLOR") != "")
	}
	return sink.New(out, runtime.GOMAXPROCS(0))
}

// newLogger writes to s.
func newLogger(s *sink.Sink, level string) zerolog.Logger {
	setLevel(level)
	return zerolog.New(s.Program()).With().Timestamp().Logger()
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
