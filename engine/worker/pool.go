// Package worker lends goroutines to work that has to wait, or that an event loop must not
// do: the workers of a fasthttp.Server, of which those that were used last go first. Their
// stacks have grown already, where a goroutine of its own begins with a small one and
// copies it once or twice on the way down into a handler.
//
// fasthttp lends its workers to connections alone, and by its accept loop. So a Task is a
// connection that is none, and a Pool the listener that accepts it.
package worker

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/safely"
)

const (
	// queueMax is how many tasks may wait for the accept loop. Where it is behind, tasks get
	// goroutines of their own: who hands one over never waits.
	queueMax = 1024
	// workersMax bounds the workers. It is never reached: exchanges are bounded before.
	workersMax = 1 << 20
	// idleMax is how long a worker waits for a task before it ends.
	idleMax = 10 * time.Second
)

// protocol is the name under which fasthttp's server hands a Task to run.
const protocol = "isame-task"

// Pool is the workers of one shard. All methods may be called by any goroutine.
type Pool struct {
	server *fasthttp.Server
	queue  chan *Task
	stop   chan struct{}
	ended  chan struct{}
}

// Start makes a Pool, which lends workers until Close.
func Start(log zerolog.Logger) *Pool {
	p := &Pool{queue: make(chan *Task, queueMax), stop: make(chan struct{}), ended: make(chan struct{})}
	p.server = &fasthttp.Server{
		Name:                  "isame",
		Concurrency:           workersMax,
		MaxIdleWorkerDuration: idleMax,
		Logger:                logger{log},
		// The handler is reached only if a connection did not ask for protocol.
		Handler: func(*fasthttp.RequestCtx) { panic("BUG: a task is not a connection") },
	}
	p.server.NextProto(protocol, run)
	p.accept()
	return p
}

// accept has fasthttp's accept loop run, again after a bug.
func (p *Pool) accept() {
	safely.New("workers", func() {
		_ = p.server.Serve((*listener)(p)) // ends with Close alone
		close(p.ended)
	}, p.accept).Go()
}

// Hand has a worker run the task, or a goroutine of its own. It does not wait.
func (p *Pool) Hand(t *Task) {
	select {
	case p.queue <- t:
	default:
		t.alone.Go()
	}
}

// Close has idle workers end; busy ones end with their task. Nothing may be handed over
// from here on.
func (p *Pool) Close() {
	close(p.stop)
	<-p.ended
}

// Task is work that is made once and may be handed over again and again, but not before it
// has begun. Nothing but its own methods looks at it as a connection.
type Task struct {
	net.Conn // nil: there is none

	alone safely.Func
	run   func()
}

// NewTask makes a task of a function that catches its panics itself, as safely.Own wants.
func NewTask(f func()) *Task { return &Task{run: f, alone: safely.Own(f)} }

// run is called by a worker.
func run(c net.Conn) error {
	t, ok := c.(*Task)
	if !ok {
		panic("BUG: a worker was lent to something that is no task")
	}
	t.run()
	return nil
}

// Handshake and ConnectionState make fasthttp's server ask for the protocol, and call run.
func (t *Task) Handshake() error { return nil }

// ConnectionState names run.
func (t *Task) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: protocol}
}

// Close is called by the worker behind run: the task may have been handed over again.
func (t *Task) Close() error { return nil }

// listener is the Pool as fasthttp's accept loop sees it.
type listener Pool

// Accept waits for the next task.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case t := <-l.queue:
		return t, nil
	case <-l.stop:
	}
	select {
	case t := <-l.queue: // handed over before the end
		return t, nil
	default:
		return nil, io.EOF
	}
}

// Close is for nobody.
func (l *listener) Close() error { return nil }

// Addr is that of no socket.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// logger is where fasthttp's server writes.
type logger struct{ log zerolog.Logger }

// Printf implements fasthttp.Logger.
func (l logger) Printf(format string, args ...any) { l.log.Warn().Msg(fmt.Sprintf(format, args...)) }
