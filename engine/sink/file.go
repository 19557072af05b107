package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// What a file of lines is made with, and how often something that has failed is tried again.
const (
	fileMode    = 0o640
	reopenAgain = time.Second
	rotateAgain = time.Minute
	lossesSaid  = 10 * time.Second // apart
)

// Rotation is when a new file is begun, and how many old ones are kept: FILE.1 is the last
// one. The zero value never begins one.
type Rotation struct {
	BytesMax int64
	Keep     int
}

// namedFile is a file that lines are appended to. The writer's goroutine has it, but for what is
// atomic.
type namedFile struct {
	path     string
	log      zerolog.Logger
	reopen   atomic.Bool // is wanted
	rotation atomic.Pointer[Rotation]

	f           *os.File
	notBefore   time.Time // a reopening that has failed is tried again then,
	notRotated  time.Time // and a rotation
	saidLosses  time.Time
	lastFailure error
}

// OpenFile makes a sink over a file with access lanes only, for so many shards: what is lost
// of its lines is said by log, which writes elsewhere.
func OpenFile(path string, shards int, r Rotation, log *zerolog.Logger) (*Sink, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s := newSink(shards)
	s.file = &namedFile{path: path, f: f, log: log.With().Str("file", path).Logger()}
	s.file.rotation.Store(&r)
	s.out, s.gather = s.file, gatherFile
	s.start()
	return s, nil
}

// openFile opens a file to append to it. It does not wait for the reader of a pipe.
func openFile(path string) (*os.File, error) {
	const how = os.O_WRONLY | os.O_APPEND | os.O_CREATE | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, how, fileMode) // its group may read it
	if err != nil {
		return nil, fmt.Errorf("cannot open the file: %w", err)
	}
	return f, nil
}

// Reopen has the file opened anew, soon. It does nothing for other outputs.
func (s *Sink) Reopen() {
	if s.file != nil {
		s.file.reopen.Store(true)
		nudge(s.wake)
		nudge(s.hurry)
	}
}

// Rotate changes the rotation of the file.
func (s *Sink) Rotate(r Rotation) {
	if s.file != nil {
		s.file.rotation.Store(&r)
	}
}

// Write implements io.Writer for whole lines.
func (f *namedFile) Write(lines []byte) (int, error) {
	n, err := f.f.Write(lines)
	if err != nil {
		f.lastFailure = err
	}
	return n, err //nolint:wrapcheck // it is said as it is
}

// look does what is due before something is written, and reports that another file is
// written now.
func (f *namedFile) look() (fresh bool) {
	now := time.Now()
	if f.reopen.Load() && !now.Before(f.notBefore) {
		return f.replace(now)
	}
	if r := f.rotation.Load(); r.BytesMax > 0 && !now.Before(f.notRotated) {
		return f.rotate(now, r)
	}
	return false
}

// replace opens the file by its name again. Where that fails the old one goes on.
func (f *namedFile) replace(now time.Time) bool {
	next, err := openFile(f.path)
	if err != nil {
		if f.notBefore.IsZero() { // said once
			f.log.Error().Err(err).Msg("the access log goes on in the file that it has; it is tried again")
		}
		f.notBefore = now.Add(reopenAgain)
		return false
	}
	f.reopen.Store(false)
	f.notBefore = time.Time{}
	if err := f.f.Close(); err != nil { // some file systems tell only now what was lost
		f.log.Error().Err(err).Msg("the old file of the access log may not be whole")
	}
	f.f = next
	f.log.Info().Msg("the access log was opened again")
	return true
}

// rotate begins a new file where this one has grown. One whose name leads elsewhere by now
// was renamed by somebody else.
func (f *namedFile) rotate(now time.Time, r *Rotation) bool {
	has, err := f.f.Stat()
	if err != nil || !has.Mode().IsRegular() || has.Size() < r.BytesMax {
		return false
	}
	if named, err := os.Stat(f.path); err == nil && os.SameFile(has, named) {
		if err := shift(f.path, r.Keep); err != nil {
			f.notRotated = now.Add(rotateAgain)
			f.log.Error().Err(err).Msg("the access log cannot be rotated, and goes on in the file that it has")
			return false
		}
	}
	return f.replace(now)
}

// shift renames the old files by one, and makes one of the file. The last one goes.
func shift(path string, keep int) error {
	at := func(n int) string {
		if n == 0 {
			return path
		}
		return path + "." + strconv.Itoa(n)
	}
	for n := keep; n >= 0; n-- {
		var err error
		if n == keep {
			err = os.Remove(at(n))
		} else {
			err = os.Rename(at(n), at(n+1))
		}
		if err != nil && (n == 0 || !errors.Is(err, fs.ErrNotExist)) {
			return err //nolint:wrapcheck // it names both
		}
	}
	return nil
}

// sayLosses tells of lines that were lost, now and then, and reports that it did.
func (f *namedFile) sayLosses(lost uint64) bool {
	now := time.Now()
	if !f.saidLosses.IsZero() && now.Sub(f.saidLosses) < lossesSaid {
		return false
	}
	f.saidLosses = now
	e := f.log.Error().Uint64("lines", lost)
	if f.lastFailure != nil {
		e = e.Err(f.lastFailure)
		f.lastFailure = nil
	}
	e.Msg("lines of the access log were lost")
	return true
}

// close ends the file.
func (f *namedFile) close() {
	if err := f.f.Close(); err != nil {
		f.log.Error().Err(err).Msg("the file of the access log may not be whole")
	}
}
