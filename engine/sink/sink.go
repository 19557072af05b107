// Package sink takes log lines, and nobody who logs waits for whoever reads them.
//
// Lines are collected in lanes, bounded buffers with a lock of their own: one for
// each shard's access log, and one for everything else. One goroutine empties them
// into the output, many lines with one system call. Where the reader is slower than
// the lines come, or has gone, they are dropped and counted, and the first line
// that can be written again says how many.
//
// cmd makes the Sinks, the engine gets their lanes. Start reading at Sink; file.go is an
// output that has a name, text.go one for people.
package sink

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Sizes of lanes and of the time that lines are collected. A lane of 1 MiB holds
// some 3,000 access lines.
const (
	laneBytesMax = 1 << 20
	laneBytesNow = 256 << 10 // so many are written at once: with 64 KiB a line costs 0.5 us more
	roomBytesMin = 16 << 10
	roomKept     = 128 << 10 // a larger buffer is given up when it was not needed for so long:
	roomUnneeded = 1000      // so many batches
	gatherTime   = 5 * time.Millisecond
	// gatherFile is that of a file, which nobody watches line by line: each batch costs two
	// switches and a system call, whose share of a line is 5 us of CPU where a few come in 5 ms.
	gatherFile = 50 * time.Millisecond
)

// Sink is where lines go. Make it with New and end it with Close.
type Sink struct {
	out     io.Writer
	file    *namedFile // out, where that is one
	gather  time.Duration
	program *Lane
	access  []*Lane

	wake    chan struct{} // a lane has lines
	hurry   chan struct{} // and they are many, or not to be held back
	stop    chan struct{}
	ended   chan struct{}
	stopped sync.Once

	// Of the writer's goroutine.
	room    []byte // the buffer that the next lane gets for its own
	small   int    // batches since a large buffer was needed
	torn    bool   // the last line that was written has no end
	said    uint64 // losses that a line has told of
	notices zerolog.Logger
	notice  bytes.Buffer
}

// New makes a sink over out, whose writer lives until Close, with lanes for the
// access lines of so many shards.
func New(out io.Writer, shards int) *Sink {
	s := newSink(shards)
	s.out = out
	s.start()
	return s
}

func newSink(shards int) *Sink {
	s := &Sink{
		gather: gatherTime, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	s.notices = zerolog.New(&s.notice).With().Timestamp().Logger()
	s.program = &Lane{sink: s, urgent: true}
	for range shards {
		s.access = append(s.access, &Lane{sink: s})
	}
	return s
}

// start begins to write.
func (s *Sink) start() { safely.GoThen("log writer", s.run, func() { close(s.ended) }) }

// Program is the lane of everything but access lines: what it takes is written at
// once.
func (s *Sink) Program() *Lane { return s.program }

// Access is the lane of the access lines of one shard, which are written soon:
// gatherTime, or gatherFile in a file.
func (s *Sink) Access(shard int) *Lane { return s.access[shard%len(s.access)] }

// Dropped counts the lines that were lost: of the program, and of the access log.
func (s *Sink) Dropped() (program, access uint64) {
	for _, l := range s.access {
		access += l.dropped.Load()
	}
	return s.program.dropped.Load(), access
}

// Close writes what is there, within limit, and ends the writer. False means that
// the time was too short: nobody reads.
func (s *Sink) Close(limit time.Duration) bool {
	s.stopped.Do(func() { close(s.stop) })
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-s.ended:
		return true
	case <-t.C:
		return false
	}
}

// Lane is a bounded buffer of lines on their way. Any goroutine may write; the lock
// is held for a copy, never for the file.
type Lane struct {
	sink    *Sink
	urgent  bool
	dropped atomic.Uint64

	mu struct {
		sync.Mutex
		lines []byte
	}
	_ [64]byte // lanes of different shards share no cache line
}

// Write takes a whole line, or drops it. It never fails and never waits.
func (l *Lane) Write(line []byte) (int, error) {
	l.mu.Lock()
	had := len(l.mu.lines)
	if had+len(line) > laneBytesMax {
		l.mu.Unlock()
		l.dropped.Add(1)
		return len(line), nil
	}
	if had+len(line) > cap(l.mu.lines) {
		l.mu.lines = append(make([]byte, 0, min(max(2*(had+len(line)), roomBytesMin), laneBytesMax)), l.mu.lines...)
	}
	l.mu.lines = append(l.mu.lines, line...)
	has := len(l.mu.lines)
	l.mu.Unlock()
	if had == 0 {
		nudge(l.sink.wake)
	}
	if l.urgent || had < laneBytesNow && has >= laneBytesNow {
		nudge(l.sink.hurry)
	}
	return len(line), nil
}

// nudge leaves a token for whoever waits at c.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run is the writer.
func (s *Sink) run() {
	if s.file != nil {
		defer s.file.close()
	}
	gather := time.NewTimer(s.gather)
	defer gather.Stop()
	for {
		select {
		case <-s.wake:
		case <-s.stop:
			s.flush()
			return
		}
		gather.Reset(s.gather)
		select {
		case <-gather.C:
		case <-s.hurry:
		case <-s.stop:
		}
		s.flush()
	}
}

// flush writes what the lanes hold, and what was lost before it.
func (s *Sink) flush() {
	if s.file != nil && s.file.look() {
		s.torn = false
	}
	if s.file == nil {
		s.sayLosses()
	}
	s.empty(s.program)
	for _, l := range s.access {
		s.empty(l)
	}
	if s.file != nil { // said elsewhere, so at once
		s.sayLosses()
	}
}

func (s *Sink) sayLosses() {
	program, access := s.Dropped()
	lost := program + access - s.said
	switch {
	case lost == 0:
	case s.file != nil:
		if s.file.sayLosses(lost) {
			s.said += lost
		}
	default:
		s.notice.Reset()
		s.notices.Warn().Uint64("lines", lost).Msg("log lines were dropped, because nobody took them in time")
		if s.write(s.notice.Bytes()) == 0 {
			s.said += lost
		}
	}
}

// empty writes what one lane holds.
func (s *Sink) empty(l *Lane) {
	l.mu.Lock()
	lines := l.mu.lines
	if len(lines) == 0 {
		l.mu.Unlock()
		return
	}
	l.mu.lines = s.room
	l.mu.Unlock()
	s.room = nil
	l.dropped.Add(uint64(s.write(lines)))
	s.small++
	if len(lines) > roomKept {
		s.small = 0
	}
	if cap(lines) <= roomKept || s.small < roomUnneeded {
		s.room = lines[:0]
	}
}

// write writes lines and returns how many were lost. What follows on a line that
// was torn begins a new one.
func (s *Sink) write(lines []byte) (lost int) {
	if s.torn {
		if _, err := s.out.Write([]byte{'\n'}); err != nil {
			return bytes.Count(lines, []byte{'\n'})
		}
		s.torn = false
	}
	n, err := s.out.Write(lines)
	if err == nil {
		return 0
	}
	n = max(min(n, len(lines)), 0)
	s.torn = n > 0 && lines[n-1] != '\n'
	return bytes.Count(lines[n:], []byte{'\n'})
}
