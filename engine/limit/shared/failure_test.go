package shared

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
)

// timeout is that of stores whose server fails; margin is what a busy machine may add.
const (
	timeout = 20 * time.Millisecond
	margin  = 150 * time.Millisecond
)

func short(mode Verdict) func(o *Options) {
	return func(o *Options) { o.Timeout, o.OnFailure = timeout, mode }
}

var tight = rate.Limit{Name: "a", Rate: 1, Per: time.Hour, Burst: 5}

// warm makes the store connect.
func warm(t *testing.T, st *Store) {
	t.Helper()
	eventually(t, "the server answers in time", func() bool {
		_, by, _ := take(st, "warm")
		return by == Shared
	})
}

// A server that is killed, or stands still, or was never there: the mode decides, no
// request waits longer than the timeout, and after a few none waits at all. When it is
// back it decides again, exactly.
func TestServerThatFails(t *testing.T) {
	for _, c := range []struct {
		name       string
		fail, heal func(s *server)
		forgets    bool
	}{
		{"killed", func(s *server) { s.signal(syscall.SIGKILL) }, func(s *server) {
			eventually(s.t, "the server is back", s.start)
		}, true},
		{"frozen", func(s *server) { s.signal(syscall.SIGSTOP) }, func(s *server) { s.signal(syscall.SIGCONT) }, false},
	} {
		for _, mode := range []Verdict{Local, Open, Closed} {
			t.Run(c.name+"/"+mode.String(), func(t *testing.T) {
				redis := startRedis(t)
				st := redis.store(short(mode), tight)
				warm(t, st)
				c.fail(redis)
				failing(t, st, mode)
				c.heal(redis)
				eventually(t, "the server is asked again", func() bool { return !st.Standing().Down })
				passed := 0
				eventually(t, "the server decides", func() bool {
					r, by, _ := take(st, "after")
					if by == Shared && r.Allowed {
						passed++
					}
					return by == Shared && !r.Allowed
				})
				// What the server did in the time of a request that had given up is
				// counted there.
				if passed > tight.Burst || passed < tight.Burst-2 {
					t.Errorf("%d passed afterwards; want %d", passed, tight.Burst)
				}
				if s := st.Standing(); s.Trips == 0 || s.Last == nil {
					t.Errorf("got %+v; want a trip and its reason", s)
				}
			})
		}
	}
}

// failing asks a store whose server has just failed.
func failing(t *testing.T, st *Store, mode Verdict) {
	t.Helper()
	passed, waited := 0, 0
	for range 1000 {
		begin := time.Now()
		r, by, err := take(st, "client")
		took := time.Since(begin)
		if by == Shared {
			t.Fatalf("got an answer of the server; want %v", mode)
		}
		if by != mode || err == nil || took > timeout+margin {
			t.Fatalf("got %v, %v in %v; want %v in %v", by, err, took, mode, timeout)
		}
		if mode == Closed && r.RetryAfter < 1 {
			t.Fatalf("got %+v; want to be told when to come again", r)
		}
		if r.Allowed {
			passed++
		}
		if !errors.Is(err, ErrDown) {
			waited++
		}
	}
	if want := map[Verdict]int{Local: tight.Burst, Open: 1000, Closed: 0}[mode]; passed != want {
		t.Errorf("%d passed; want %d", passed, want)
	}
	if waited > tripAfter*3 {
		t.Errorf("%d requests waited for a server that is down; want a few", waited)
	}
}

// While a server is down nobody dials it but the probes: few, also with many requests.
func TestServerThatIsDownIsLeftAlone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var dialled atomic.Int64
	accepting := make(chan struct{})
	go func() { // of the test: it takes connections, and ends them
		defer close(accepting)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			c.Close()
		}
	}()
	st := (&server{t: t, address: listener.Addr().String()}).store(short(Open), tight)
	var group sync.WaitGroup
	begin := time.Now()
	for range 20 {
		group.Go(func() {
			for time.Since(begin) < 700*time.Millisecond {
				_, _, _ = take(st, "client")
			}
		})
	}
	group.Wait()
	// Lanes until it trips, then probes after 50, 100, 200, 400 ms; each may dial
	// again within its second where the first connection ends.
	_, failed, _ := st.Counts()
	if got := dialled.Load(); got > 30 || got == 0 || failed < 1000 {
		t.Errorf("%d dials for %d requests; want a few", got, failed)
	}
	listener.Close()
	<-accepting
}

// A request whose connection ends on the way is not sent again: it may have been
// counted.
func TestRequestIsSentOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	accepting := make(chan struct{})
	go func() { // of the test: it knows no HELLO, and ends at the first script
		defer close(accepting)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1<<16)
			for n, err := c.Read(buf); err == nil; n, err = c.Read(buf) {
				if strings.Contains(string(buf[:n]), "evalsha") {
					sent.Add(1)
					break
				}
				_, _ = io.WriteString(c, "-ERR unknown command\r\n")
			}
			c.Close()
		}
	}()
	st := (&server{t: t, address: listener.Addr().String()}).store(nil, tight)
	if _, by, err := take(st, "client"); by != Closed || err == nil {
		t.Errorf("got %v, %v; want a failure", by, err)
	}
	if got := sent.Load(); got != 1 {
		t.Errorf("the script was sent %d times; want once", got)
	}
	listener.Close()
	<-accepting
}

// A script that the server has lost comes back with the next request, which notices
// nothing.
func TestLostScriptComesBack(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(nil, tight)
	for n := range tight.Burst + 2 {
		redis.do("SCRIPT", "FLUSH")
		if r, by, err := take(st, "client"); by != Shared || err != nil || r.Allowed != (n < tight.Burst) {
			t.Errorf("request %d: got %+v by %v, %v", n, r, by, err)
		}
	}
	// Likewise when many wait at once.
	redis.do("SCRIPT", "FLUSH")
	var passed atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if r, by, _ := take(st, "others"); by == Shared && r.Allowed {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	if got := passed.Load(); got != int64(tight.Burst) {
		t.Errorf("%d passed; want %d", got, tight.Burst)
	}
	if st.Standing().Trips != 0 {
		t.Error("the store went down for want of its script")
	}
}

// A server that refuses what it is asked has failed, and says why.
func TestServerThatRefuses(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(func(o *Options) { o.OnFailure = Local }, tight)
	warm(t, st)
	redis.do("CONFIG", "SET", "maxmemory", "1")
	_, by, err := take(st, "client")
	if by != Local || err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("got %v, %v; want the local table, and the server's reason", by, err)
	}
	eventually(t, "the store goes down", func() bool { _, _, _ = take(st, "client"); return st.Standing().Down })
	redis.do("CONFIG", "SET", "maxmemory", "0")
	eventually(t, "the store comes back", func() bool { return !st.Standing().Down })
}

// Whoever leaves, or has less time than the store, hears so at once; one that was not
// sent yet is not counted.
func TestWhoCannotWait(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(func(o *Options) { o.Lanes, o.OnFailure = 1, Open }, tight)
	warm(t, st)
	redis.signal(syscall.SIGSTOP)
	asks, keys := asksOf(st, "client")
	for _, c := range []struct {
		name string
		want error
		by   Verdict
		wait func() Wait
	}{
		{"less time", ErrLate, Open, func() Wait { return Wait{AtMost: timeout} }},
		{"left", ErrLeft, Closed, func() Wait {
			left := make(chan struct{})
			time.AfterFunc(timeout, func() { close(left) })
			return Wait{Left: left}
		}},
		{"left before", ErrLeft, Closed, func() Wait {
			left := make(chan struct{})
			close(left)
			return Wait{Left: left}
		}},
	} {
		begin := time.Now()
		_, by, err := st.Take(c.wait(), keys, asks)
		if took := time.Since(begin); by != c.by || !errors.Is(err, c.want) || took > timeout+margin {
			t.Errorf("%s: got %v, %v after %v; want %v, %v", c.name, by, err, took, c.by, c.want)
		}
	}
	redis.signal(syscall.SIGCONT)
	passed := 0
	for range tight.Burst + 1 {
		if r, by, err := take(st, "client"); by == Shared && err == nil && r.Allowed {
			passed++
		}
	}
	if passed != tight.Burst-1 { // the first one was on its way
		t.Errorf("%d passed; want %d: those that left before they were sent took nothing", passed, tight.Burst-1)
	}
}

func TestCloseEndsWaits(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(func(o *Options) { o.Lanes, o.Timeout = 1, 3*time.Second }, tight)
	warm(t, st)
	redis.signal(syscall.SIGSTOP)
	ended := make(chan error)
	ask := func() {
		_, _, err := take(st, "client")
		ended <- err
	}
	_, _, before := st.Counts()
	go ask() // of the test
	eventually(t, "the first one is sent", func() bool {
		_, _, batches := st.Counts()
		return batches > before
	})
	for range 4 {
		go ask() // of the test
	}
	eventually(t, "the others wait", func() bool {
		st.lanes[0].mu.Lock()
		defer st.lanes[0].mu.Unlock()
		return len(st.lanes[0].mu.waiting) == 4
	})
	closed := make(chan error)
	go func() { closed <- st.Close() }() // of the test
	for range 5 {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v; want %v", err, ErrClosed)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// A lane has room for so many, and says so.
func TestLaneIsBounded(t *testing.T) {
	l := lane{wake: make(chan struct{}, 1)}
	for n := range waitingMax + 1 {
		if err := l.put(&call{}); (err != nil) != (n == waitingMax) || err != nil && !errors.Is(err, ErrBusy) {
			t.Fatalf("call %d: got %v", n, err)
		}
	}
	if batch := l.take(nil); len(batch) != batchMax || len(l.mu.waiting) != waitingMax-batchMax {
		t.Errorf("got a batch of %d, %d left; want %d, and the others", len(batch), len(l.mu.waiting), batchMax)
	}
}
