package run

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/engine/sink"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// accessLogs are the outputs of the access log: stderr, and the files that exchanges may
// still write to. A file is open from the configuration that names it until nobody holds an
// output of it any more: exchanges end with the generation that they began with, and so
// their lines are where that has them.
type accessLogs struct {
	stderr *sink.Sink
	shards int
	log    zerolog.Logger

	mu struct {
		sync.Mutex
		files   map[string]*accessFile // by path
		dropped uint64                 // lines, by those that are closed
	}
}

// accessFile is a file that is open, and how many outputs of it there are.
type accessFile struct {
	sink *sink.Sink
	uses int
}

func newAccessLogs(stderr *sink.Sink, log zerolog.Logger) *accessLogs {
	a := &accessLogs{stderr: stderr, shards: runtime.GOMAXPROCS(0), log: log}
	a.mu.files = map[string]*accessFile{}
	return a
}

// accessOut is the output of one configuration.
type accessOut struct{ sink *sink.Sink }

// Lane is that of a shard.
func (o *accessOut) Lane(shard int) io.Writer { return o.sink.Access(shard) }

// open is the engine's: the output that a section asks for.
func (a *accessLogs) open(c *config.AccessLog) (engine.AccessOut, error) {
	if c.File == "" {
		return &accessOut{a.stderr}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.mu.files[c.File]
	if f == nil {
		s, err := sink.OpenFile(c.File, a.shards, rotationOf(c), &a.log)
		if err != nil {
			return nil, err
		}
		f = &accessFile{sink: s}
		a.mu.files[c.File] = f
	}
	f.uses++
	out := &accessOut{f.sink}
	runtime.AddCleanup(out, a.leave, c.File)
	return out, nil
}

// leave is called when an output is garbage: nobody can write to it.
func (a *accessLogs) leave(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.mu.files[path]
	f.uses--
	if f.uses > 0 {
		return
	}
	delete(a.mu.files, path)
	_, counted := f.sink.Dropped() // now, so that the sum never falls
	a.mu.dropped += counted
	safely.Go("access log", func() {
		f.sink.Close(flushTime)
		_, dropped := f.sink.Dropped()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.mu.dropped += dropped - counted
	})
}

// settle makes what a configuration says of its file count, once that runs.
func (a *accessLogs) settle(c *config.AccessLog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.mu.files[c.File]; f != nil {
		f.sink.Rotate(rotationOf(c))
	}
}

func rotationOf(c *config.AccessLog) sink.Rotation {
	return sink.Rotation{BytesMax: int64(c.Rotate.Size), Keep: c.Rotate.Keep}
}

// reopen has all files opened again.
func (a *accessLogs) reopen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.mu.files {
		f.sink.Reopen()
	}
	if len(a.mu.files) == 0 {
		a.log.Info().Msg("there is no log file to be opened again: log.access.file is not set")
	}
}

// dropped counts the lines that were lost, of the program's log and of the access log.
func (a *accessLogs) dropped() (program, access uint64) {
	program, access = a.stderr.Dropped()
	a.mu.Lock()
	defer a.mu.Unlock()
	access += a.mu.dropped
	for _, f := range a.mu.files {
		_, n := f.sink.Dropped()
		access += n
	}
	return program, access
}

// errLinesKept is the end of a process whose disk takes nothing.
var errLinesKept = errors.New("nobody takes the lines")

// close writes what was logged, within flushTime, and says where that was too short.
func (a *accessLogs) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for path, f := range a.mu.files {
		if !f.sink.Close(flushTime) {
			a.log.Error().Err(errLinesKept).Str("file", path).Msg("the last lines of the access log are lost")
		}
	}
}
