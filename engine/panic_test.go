package engine

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// panicRig is a proxy in which one thing panics, with clients of each protocol.
type panicRig struct {
	*rig

	log  *lockedBuffer
	met  chan struct{} // closed by the injected panic
	once sync.Once
}

// startPanicking has two backends, of which the one that is asked first for /hedge waits
// until the other is, or until the panic.
// The nth entry of place panics, from the start on.
func startPanicking(t *testing.T, place string, nth int32) *panicRig {
	t.Helper()
	return startPanickingOver(t, "http1", place, nth)
}

// startPanickingOver is startPanicking for backends that speak protocol.
func startPanickingOver(t *testing.T, protocol, place string, nth int32) *panicRig {
	t.Helper()
	p := &panicRig{log: &lockedBuffer{}, met: make(chan struct{})}
	t.Cleanup(p.inject(place, nth))
	var asked atomic.Int32
	second := make(chan struct{})
	h := func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/hedge" {
			if asked.Add(1) == 2 {
				close(second)
			}
			select {
			case <-second:
			case <-p.met:
			case <-q.Context().Done():
			}
		}
		echo(w, q)
	}
	over := func() string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(h))
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(protocol == "http1")
		s.Config.Protocols.SetUnencryptedHTTP2(protocol == "h2c")
		s.Start()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	text := strings.Replace(h3Text(t), "all: {pool: p}", "all: {pool: p, hedge: {after: 10ms}}", 1)
	text = strings.Replace(text, `backends: [{address: "{{backend}}"}]`,
		"protocol: "+protocol+`, backends: [{address: "{{backend}}"}, {address: "`+over()+`"}]`, 1)
	if !strings.Contains(text, "hedge") || strings.Count(text, "address:") != 3 {
		t.Fatalf("not the configuration that is wanted:\n%s", text)
	}
	p.rig = startLogged(t, p.log, text, over())
	return p
}

// inject makes the nth entry of place panic.
func (p *panicRig) inject(place string, nth int32) (restore func()) {
	var entries atomic.Int32
	return safely.Inject(func(at string) {
		if at == place && entries.Add(1) == nth {
			p.once.Do(func() { close(p.met) })
			panic("injected at " + place)
		}
	})
}

// ask sends requests of each protocol, one after the other, each protocol over
// connections of its own, and returns what those got that were not answered with 200.
func (p *panicRig) ask() (failed []string) {
	h3, transport := p.h3Client()
	defer func() { _ = transport.Close() }()
	h1, h2 := p.h1TLSClient(), p.h2TLSClient()
	defer h1.CloseIdleConnections()
	defer h2.CloseIdleConnections()
	for _, c := range []struct {
		name   string
		client *http.Client
	}{{"http/1.1", h1}, {"http/2", h2}, {"http/3", h3}} {
		for _, q := range []struct {
			method, path string
			bytes        int
		}{{"GET", "/hedge", 0}, {"POST", "/", 300 << 10}, {"GET", "/", 0}} {
			if got := p.one(c.client, q.method, q.path, q.bytes); got != "200" {
				failed = append(failed, fmt.Sprintf("%s %s %s: %s", c.name, q.method, q.path, got))
			}
		}
	}
	return failed
}

func (p *panicRig) one(c *http.Client, method, path string, bytes int) string {
	var body io.Reader
	if bytes > 0 {
		body = struct{ io.Reader }{strings.NewReader(strings.Repeat("x", bytes))}
	}
	q, err := http.NewRequest(method, "https://a.test"+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := c.Do(q)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode == 200 && n != int64(bytes) {
		return fmt.Sprintf("%d, then %d bytes, %v", resp.StatusCode, n, err)
	}
	return strconv.Itoa(resp.StatusCode)
}

// settled waits until nothing is held any more.
func (p *panicRig) settled(t *testing.T) {
	t.Helper()
	eventually(t, func() string {
		return fmt.Sprintf("nothing held: %d in flight, %d connections, %d streams%s", p.inFlight(), p.listener().connections.Load(), p.listener().streams.Load(), p.left())
	}, func() bool {
		return p.inFlight() == 0 && p.listener().connections.Load() == 0 && p.listener().streams.Load() == 0
	})
}

// left describes the connections that clients still have.
func (p *panicRig) left() string {
	var text strings.Builder
	for _, s := range p.listener().shards {
		s.mu.Lock()
		for c := s.mu.first; c != nil; c = c.next {
			_, _ = fmt.Fprintf(&text, "; %v in state %d, by %q, %d streams", c.RemoteAddr(), c.state.Load(), c.Protocol(), c.running.Load())
		}
		s.mu.Unlock()
	}
	return text.String()
}

func (p *panicRig) listener() *listener {
	p.engine.apply.Lock()
	defer p.engine.apply.Unlock()
	for _, l := range p.engine.apply.listeners {
		return l
	}
	p.t.Fatal("there is no listener")
	return nil
}

// A panic in any goroutine ends the exchange or the connection that met it. It is
// counted and logged, nothing stays acquired, and the rest serves on.
func TestPanicsEndOneExchangeOrConnection(t *testing.T) {
	const acceptUDP = 3 // behind those of two shards
	for _, c := range []struct {
		place string
		nth   int32
	}{
		{"accept", 1},
		{"accept", acceptUDP},
		{"admit", 1},
		{"handshake", 1},
		{"begin", 1},
		{"exchange", 1},
		{"upload", 1},
		{"dial", 1},
		{"hedge", 1},
		{"session", 1},
		{"streams", 1},
		{"stream of one direction", 1},
		{"request stream", 1},
		{"answer stream", 1},
	} {
		t.Run(fmt.Sprint(c.place, " ", c.nth), func(t *testing.T) {
			place, p := c.place, startPanicking(t, c.place, c.nth)
			failed := p.ask()
			if len(failed) > 1 {
				t.Errorf("one panic has ended %d exchanges: %q; want one at most", len(failed), failed)
			}
			p.settled(t)
			eventually(t, func() string { return "the panic is met" }, func() bool { return p.engine.panics.Load() > 0 })
			if n, said := p.engine.panics.Load(), strings.Count(p.log.String(), "injected at "+place); n != 1 || said != 1 {
				t.Errorf("counted %d times, logged %d times; want once", n, said)
			}
			if failed := p.ask(); failed != nil {
				t.Errorf("behind the panic: %q; want 200 for all", failed)
			}
			p.settled(t)
		})
	}
}

// Where nothing was answered yet, the client gets a 500.
func TestPanicOfAnExchangeIsAnsweredWith500(t *testing.T) {
	p := startPanicking(t, "exchange", 1)
	failed := p.ask()
	if len(failed) != 1 || !strings.HasSuffix(failed[0], ": 500") {
		t.Errorf("got %q; want one 500", failed)
	}
}

// The same for what the event loops call: each of the first events of the clients'
// connections and streams, of each protocol, and of their backends' connections. How many
// there are is chance.
func TestPanicsOfEventsEndOneExchangeOrConnection(t *testing.T) {
	for _, c := range []struct {
		backends, place string
		least, most     int32
	}{{"http1", "event", 12, 24}, {"http1", "answer", 4, 8}, {"h2c", "answer", 4, 8}, {"h2c", "backend event", 4, 16}} {
		t.Run(c.place+" with backends of "+c.backends, func(t *testing.T) {
			p, nth := startPanickingOver(t, c.backends, "", 0), int32(1)
			for nth <= c.most && p.event(t, c.place, nth) {
				nth++
			}
			if met := nth - 1; met < c.least {
				t.Errorf("met %d events; want %d at least", met, c.least)
			}
		})
	}
}

// A tunnel ends alone, too, and gives back what it holds.
func TestPanicOfATunnelsEventEndsIt(t *testing.T) {
	for _, c := range []struct {
		place string
		open  func(r *rig) (say func())
	}{
		{"event", func(r *rig) func() { c := r.dial(); c.upgrade(); return func() { c.send("hi") } }},
		{"tunnel", func(r *rig) func() { c := r.dial(); c.upgrade(); return func() { c.send("hi") } }},
		{"event", func(r *rig) func() { c := r.h2(); id := c.connect(); return func() { c.data(id, false, "hi") } }},
		{"tunnel", func(r *rig) func() { c := r.h2(); id := c.connect(); return func() { c.data(id, false, "hi") } }},
	} {
		t.Run(c.place, func(t *testing.T) {
			p := &panicRig{log: &lockedBuffer{}, met: make(chan struct{})}
			p.rig = startLogged(t, p.log, strings.Replace(plain, `"127.0.0.1:0"`, `"127.0.0.1:0", h2c: true`, 1), switched(t, upgradeAnswer, echoBack))
			for range 2 {
				say := c.open(p.rig)
				counted := p.engine.panics.Load()
				restore := p.inject(c.place, 1)
				say()
				eventually(t, func() string { return "no tunnel, nothing in flight" }, func() bool { return p.tunnels() == 0 && p.inFlight() == 0 })
				restore()
				if n := p.engine.panics.Load() - counted; n != 1 {
					t.Errorf("counted %d panics; want 1\n%s", n, p.log.String())
				}
			}
		})
	}
}

// A bug that is met while a goroutine has the connection leaves the end to that.
func TestPanicBesideAGoroutineLeavesTheEndToIt(t *testing.T) {
	asked := make(chan struct{}, 2)
	silent := func(_ http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		<-q.Context().Done()
	}
	p := &panicRig{log: &lockedBuffer{}, met: make(chan struct{})}
	text := strings.Replace(plain, "pool: p", "pool: p, hedge: {after: 1ms}", 1)
	text = strings.Replace(text, `[{address: "{{backend}}"}]`, `[{address: "{{backend}}"}, {address: "`+backend(t, silent)+`"}]`, 1)
	p.rig = startLogged(t, p.log, text, backend(t, silent))
	c := p.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	<-asked
	<-asked // the second backend: the loop does not hedge
	defer p.inject("leave", 1)()
	breakOff(c.Conn)
	p.settled(t)
	if counted, logged := p.engine.panics.Load(), strings.Count(p.log.String(), "injected at leave"); counted != 1 || logged != 1 {
		t.Errorf("counted %d times, logged %d times; want once", counted, logged)
	}
}

// event makes the nth event of place panic; false: there were fewer.
func (p *panicRig) event(t *testing.T, place string, nth int32) (met bool) {
	t.Helper()
	counted, logged := p.engine.panics.Load(), strings.Count(p.log.String(), "injected at "+place)
	restore := p.inject(place, nth)
	failed := p.ask()
	p.settled(t)
	restore()
	if len(failed) > 1 {
		t.Errorf("%s %d: one panic has ended %d exchanges: %q; want one at most", place, nth, len(failed), failed)
	}
	if failed := p.ask(); failed != nil {
		t.Fatalf("behind the panic at %s %d: %q; want 200 for all", place, nth, failed)
	}
	p.settled(t)
	counted, logged = p.engine.panics.Load()-counted, strings.Count(p.log.String(), "injected at "+place)-logged
	if counted > 1 || uint64(logged) != counted {
		t.Errorf("%s %d: counted %d times, logged %d times; want once\n%s", place, nth, counted, logged, p.log.String())
	}
	return counted > 0
}
