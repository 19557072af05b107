package socket

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Handler is called by the loop, in the loop's goroutine, when a connection
// that was given to the loop (Conn.Hand) may have something to say: bytes, an
// end, an expired deadline. It must not wait for anything. Spurious calls
// happen.
type Handler interface{ Ready() }

// Roomer is a Handler that is called, in the loop's goroutine, when a connection
// takes bytes again: see Conn.AwaitRoom.
type Roomer interface{ Room() }

// Rounder is a Handler that is called at the end of a round of events: see
// Loop.Later.
type Rounder interface{ RoundEnd() }

// Minder is a Handler that wants to know, in the loop's goroutine, when the peer
// leaves while a goroutine has the connection: see Conn.TakeMinded.
type Minder interface{ Hung() }

// Crasher is a Handler that is told, in the loop's goroutine, that a call of it, or of
// what it called, has panicked: it ends what it stands for, and closes the connection.
// One that is none is cut.
type Crasher interface{ Crashed() }

// Loop is the event loop of one shard: an epoll set of its own, and one
// goroutine that looks at it and carries on what needs no waiting. Connections
// that wait cost no goroutine, and a read is only made when the kernel said
// that bytes are there: a goroutine per connection on the runtime's poller
// costs a failing read and two switches for each message instead.
//
// The epoll set itself is watched by the runtime's poller, so the goroutine
// sleeps like any other and needs no thread of its own.
type Loop struct {
	epfd   int
	file   *os.File // epfd, for the runtime's poller
	raw    syscall.RawConn
	wakeFD int // eventfd: another goroutine has posted
	look   func(fd uintptr) bool
	events [eventsMax]unix.EpollEvent
	n      int   // valid events
	at     int   // of these, dealt with
	busy   *Conn // whose event it is
	ended  chan struct{}

	closing atomic.Bool
	mu      struct {
		sync.Mutex
		closed bool
		posted []*Conn
	}
	taken   []*Conn // posted ones under work
	takenAt int     // of these, called
	later   []*Conn // of the loop's goroutine alone: see Later
	laterAt int     // of these, called
}

// NewLoop starts a loop; Close ends it.
func NewLoop() (*Loop, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make an epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epfd)
		return nil, fmt.Errorf("cannot make an eventfd: %w", err)
	}
	l := &Loop{epfd: epfd, wakeFD: wake, ended: make(chan struct{})}
	l.look = l.lookStep
	if err := l.start(); err != nil {
		_ = unix.Close(epfd)
		_ = unix.Close(wake)
		return nil, err
	}
	return l, nil
}

func (l *Loop) start() error {
	if err := unix.SetNonblock(l.epfd, true); err != nil { // os.NewFile then asks the poller
		return fmt.Errorf("cannot prepare the epoll set: %w", err)
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(l.wakeFD)}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, l.wakeFD, &e); err != nil {
		return fmt.Errorf("cannot watch the eventfd: %w", err)
	}
	l.file = os.NewFile(uintptr(l.epfd), "epoll")
	raw, err := l.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot watch the epoll set: %w", err)
	}
	l.raw = raw
	runs(l.epfd, true)
	go l.run() // its rounds catch panics; a loop that cannot wait must not be survived
	return nil
}

// Close ends the loop's goroutine. No connection of it may be in use.
func (l *Loop) Close() {
	l.closing.Store(true)
	quickSignal(l.wakeFD)
	<-l.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.closed = true
	runs(l.epfd, false)
	_ = l.file.Close()
	_ = unix.Close(l.wakeFD)
}

func (l *Loop) run() {
	defer close(l.ended)
	for !l.closing.Load() {
		if err := l.raw.Read(l.look); err != nil {
			panic("BUG: cannot wait for events: " + err.Error())
		}
		for l.at = 0; !l.round(); {
			l.crashed()
		}
		// Exchanges that wait have goroutines; without this they would get
		// their turn only every 10 ms while the loop has work.
		runtime.Gosched()
	}
	for !l.round() { // the end of connections that were cut just before Close
		l.crashed()
	}
}

// round deals with the events at hand, and with what was posted and put off. false: a
// call has panicked; the next round goes on behind it.
func (l *Loop) round() (done bool) {
	defer func() { safely.Caught("event", recover()) }()
	for l.at < l.n {
		l.at++
		l.deliver(&l.events[l.at-1])
	}
	l.runPosted()
	l.runLater()
	return true
}

// crashed ends the connection whose event has met a bug.
func (l *Loop) crashed() {
	c := l.busy
	if l.busy = nil; c == nil {
		return
	}
	cut := func() {
		c.Abort()
		_ = c.Close() // the loop alone knows it, or everybody sees that it was cut
	}
	if h, ok := c.handler.(Crasher); ok {
		safely.Do("crash", h.Crashed, cut)
	} else {
		safely.Do("crash", cut, nil)
	}
}

// deliver passes an event on to its connection.
func (l *Loop) deliver(e *unix.EpollEvent) {
	if int(e.Fd) == l.wakeFD {
		quickClear(l.wakeFD)
		return
	}
	if c := connOf(int(e.Fd)); c != nil && c.loop == l && c.serial == e.Pad {
		l.busy = c
		c.event(e.Events)
	}
}

// lookStep takes what the kernel has, without waiting; false sleeps in the
// runtime's poller until there is something new. A look while somebody peeks into the set may
// find nothing although something is there: see loopsWait. It is made again then.
func (l *Loop) lookStep(fd uintptr) bool {
	ended := peeks.ended.Load()
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, eventsAddress(&l.events), eventsMax, 0, 0, 0)
	if errno != 0 {
		n = 0
	}
	l.n = int(n)
	return l.n > 0 || peeks.began.Load() != ended
}

// post makes the loop call c's handler.
func (l *Loop) post(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return // a timer of a connection that nobody uses any more
	}
	l.mu.posted = append(l.mu.posted, c)
	if len(l.mu.posted) == 1 {
		quickSignal(l.wakeFD)
	}
}

func (l *Loop) runPosted() {
	if l.takenAt == len(l.taken) { // else a call of these has panicked
		l.mu.Lock()
		l.taken, l.mu.posted = l.mu.posted, l.taken[:0]
		l.mu.Unlock()
		l.takenAt = 0
	}
	for l.takenAt < len(l.taken) {
		c := l.taken[l.takenAt]
		l.taken[l.takenAt] = nil
		l.takenAt++
		l.busy = c
		c.call()
	}
}

// Later makes the loop call the RoundEnd of c's handler, a Rounder, when the events
// at hand are dealt with: what they have to write goes out together. Only the
// loop's goroutine may call it, once until then.
func (l *Loop) Later(c *Conn) { l.later = append(l.later, c) }

// runLater calls everybody who asked, also those who ask while it does.
func (l *Loop) runLater() {
	for l.laterAt < len(l.later) {
		c := l.later[l.laterAt]
		l.later[l.laterAt] = nil
		l.laterAt++
		l.busy = c
		if f, ok := c.handler.(Rounder); ok {
			f.RoundEnd()
		}
	}
	l.later, l.laterAt = l.later[:0], 0
}

// peeks are the calls of loopsWait: those that have begun, and those that have ended.
var peeks struct{ began, ended atomic.Uint64 }

// running are the epoll sets of all loops, for who works beside them.
var running struct {
	sync.Mutex
	sets []unix.PollFd
}

func init() { safely.WhenLoopsWait(loopsWait) } //nolint:gochecknoinits // whoever has loops has this

// loopsWait reports that a loop has events to deal with. It takes none of them: a set is ready to be read
// while it has some. It costs one system call, and may be called from any goroutine.
//
// The kernel goes through the events of a set for it, and takes them from their list meanwhile. To an
// epoll_wait that does not wait it promises nothing: one that looks just then may find the list empty, and
// the runtime's poller tells of what is new only. (None of 8 million did on Linux 6.18, two cores.)
func loopsWait() bool {
	running.Lock()
	sets := slices.Clone(running.sets)
	running.Unlock()
	peeks.began.Add(1)
	n, err := unix.Poll(sets, 0)
	peeks.ended.Add(1)
	return n > 0 && err == nil
}

// runs says that a loop is there, or, at its end, that it is not any more.
func runs(epfd int, there bool) {
	running.Lock()
	defer running.Unlock()
	if there {
		running.sets = append(running.sets, unix.PollFd{Fd: int32(epfd), Events: unix.POLLIN})
		return
	}
	running.sets = slices.DeleteFunc(running.sets, func(p unix.PollFd) bool { return int(p.Fd) == epfd })
}

// The connections of the process by descriptor: what an event refers to. An
// event that was fetched before its descriptor was closed and given again has
// another serial number than the new connection, which has not hung up.
const (
	tableChunk  = 1 << 12
	tableChunks = 1 << 10
)

var connTable [tableChunks]atomic.Pointer[[tableChunk]atomic.Pointer[Conn]]

func connOf(fd int) *Conn {
	if chunk := connTable[fd/tableChunk].Load(); chunk != nil {
		return chunk[fd%tableChunk].Load()
	}
	return nil
}

func setConn(fd int, c *Conn) bool {
	if fd >= tableChunk*tableChunks {
		return false
	}
	slot := &connTable[fd/tableChunk]
	if slot.Load() == nil {
		slot.CompareAndSwap(nil, new([tableChunk]atomic.Pointer[Conn]))
	}
	slot.Load()[fd%tableChunk].Store(c)
	return true
}
