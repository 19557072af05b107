package attempt

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// peerOf is a backend that the test plays itself, with one connection to it
// that has carried a request and lies in the pool.
type peerOf struct {
	*net.TCPConn

	t      testing.TB
	ln     net.Listener
	hc     *fasthttp.HostClient
	server *tls.Config // nil for clear text
	stream net.Conn    // what is read and written: the TCPConn, or TLS over it
}

func newPeer(t testing.TB) *peerOf {
	t.Helper()
	return peerWith(t, nil, config.PoolTLS{})
}

// newSecurePeer is newPeer over TLS.
func newSecurePeer(t testing.TB, version uint16) *peerOf {
	t.Helper()
	ca := rig.NewAuthority(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}, MaxVersion: version}
	return peerWith(t, server, ca.Trusting("a.test"))
}

func peerWith(t testing.TB, server *tls.Config, client config.PoolTLS) *peerOf {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	b := &peerOf{t: t, ln: ln, hc: clientsTo(t, ln.Addr().String(), config.Pool{TLS: client}).Shard(0), server: server}
	var a Attempt
	b.openFresh(&a, ReuseFree)
	b.exchange(&a, rig.OKAnswer)
	return b
}

// clientsTo are the connections to a backend, of a pool with two shards.
func clientsTo(t testing.TB, address string, cfg config.Pool) *Clients {
	t.Helper()
	if cfg.Connections.Max == 0 {
		cfg.Connections.Max = 1024
	}
	trust, err := NewTrust("pools.p.tls", &cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := DialingOf(&cfg, address, "", AnnounceNothing, trust)
	c := NewClients(address, OptionsOf("p", &cfg, d), d, &Means{Shards: 2, Loops: rig.Loops(t, 2), Logger: zerolog.Nop()})
	t.Cleanup(c.CloseIdle)
	return c
}

// openFresh is open where it has to dial: the backend accepts.
func (b *peerOf) openFresh(a *Attempt, which Reuse) {
	b.t.Helper()
	accepted := make(chan error, 1)
	go func() { accepted <- b.accept() }()
	b.open(a, which)
	if err := <-accepted; err != nil {
		b.t.Fatal(err)
	}
}

func (b *peerOf) accept() error {
	c, err := b.ln.Accept()
	if err != nil {
		return err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("accepted a %T", c)
	}
	b.t.Cleanup(func() { _ = tcp.Close() })
	b.TCPConn, b.stream = tcp, tcp
	if b.server == nil {
		return nil
	}
	secure := tls.Server(tcp, b.server)
	b.stream = secure
	return secure.Handshake()
}

// say is the backend writing.
func (b *peerOf) say(text string) {
	b.t.Helper()
	if _, err := io.WriteString(b.stream, text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *peerOf) open(a *Attempt, which Reuse) {
	b.t.Helper()
	if out := a.Open(b.hc, which); out != OK {
		b.t.Fatalf("open: %v: %s", out, linkOf(b.hc).clients.faults.reason())
	}
}

func (b *peerOf) send(a *Attempt) {
	b.t.Helper()
	if out := a.Send([]byte(rig.Request), time.Second); out != OK {
		b.t.Fatalf("send: %v", out)
	}
}

// receive is the backend reading the request.
func (b *peerOf) receive() {
	b.t.Helper()
	if _, err := io.ReadFull(b.stream, make([]byte, len(rig.Request))); err != nil {
		b.t.Fatal(err)
	}
}

// exchange carries one request to its end.
func (b *peerOf) exchange(a *Attempt, answer string) {
	b.t.Helper()
	b.send(a)
	b.receive()
	b.say(answer)
	if out := a.Head(false, rig.Soon()); out != OK {
		b.t.Fatalf("head: %v", out)
	}
	if _, out := a.Next(rig.Soon()); out != OK || !a.Done() {
		b.t.Fatalf("content: %v", out)
	}
	a.Close(true, socket.Nanos())
}

// ended waits until our side knows that the backend has ended.
func (b *peerOf) ended(c *socket.Conn) {
	b.t.Helper()
	b.until(c.Ended)
}

func (b *peerOf) until(ok func() bool) {
	b.t.Helper()
	for limit := rig.Soon(); !ok(); <-time.After(time.Millisecond) {
		if socket.Nanos() > limit {
			b.t.Fatal("waited for 10 s")
		}
	}
}

func (b *peerOf) reset() {
	_ = b.SetLinger(0)
	_ = b.Close()
}

// TestDeathOfReusedConnection is what can happen to a request on a connection
// that was idle: it may be repeated, whatever its method, only where the backend
// cannot have received a byte of it.
func TestDeathOfReusedConnection(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(b *peerOf, a *Attempt)
		want Outcome
	}{
		{"closed before the request", func(b *peerOf, a *Attempt) {
			_ = b.Close()
			b.ended(a.Conn())
			b.send(a)
		}, ReusedNeverReceived},
		{"closed before, and the reset is here", func(b *peerOf, a *Attempt) {
			_ = b.Close()
			b.ended(a.Conn())
			b.send(a)
			b.until(a.Conn().Broken)
		}, ReusedNeverReceived},
		{"closed before, and a second write fails", func(b *peerOf, a *Attempt) {
			_ = b.Close()
			b.ended(a.Conn())
			b.send(a)
			b.until(a.Conn().Broken)
			_, _ = a.Conn().Write([]byte("more"))
		}, ReusedNeverReceived},
		{"reset before the request: nothing is written", func(b *peerOf, a *Attempt) {
			b.reset()
			b.ended(a.Conn())
			b.send(a)
		}, ReusedNeverReceived},
		{"408 before the request", func(b *peerOf, a *Attempt) {
			b.say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = b.Close()
			b.ended(a.Conn())
			b.send(a)
		}, ReusedNeverReceived},
		{"read and closed", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.receive()
			_ = b.Close()
		}, ReusedDied},
		{"read in part and closed", func(b *peerOf, a *Attempt) {
			b.send(a)
			_, _ = io.ReadFull(b.stream, make([]byte, 4))
			_ = b.Close()
		}, ReusedDied},
		{"unread and closed", func(b *peerOf, a *Attempt) {
			b.send(a)
			_ = b.Close()
		}, ReusedDied},
		{"reset after the request, which a write was told of", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.reset()
			b.ended(a.Conn())
			_, _ = a.Conn().Write([]byte("more"))
		}, ReusedDied},
		{"a byte of an answer", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.receive()
			b.say("H")
			_ = b.Close()
		}, Reset},
		{"408 after the request", func(b *peerOf, a *Attempt) {
			b.send(a)
			b.receive()
			b.say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = b.Close()
		}, OK},
	} {
		for over, start := range peers() {
			t.Run(tc.name+", over "+over, func(t *testing.T) {
				b := start(t)
				var a Attempt
				b.open(&a, ReuseFree)
				if !a.Reused() {
					t.Fatal("the connection is fresh; want the pooled one")
				}
				tc.do(b, &a)
				if got := a.Head(false, rig.Soon()); got != tc.want {
					t.Errorf("got %v (%d); want %v (%d)", got, got, tc.want, tc.want)
				}
				learnt := linkOf(b.hc).clients.ages.known()
				if want := tc.want == ReusedNeverReceived; learnt != want {
					t.Errorf("learnt is %v; want %v", learnt, want)
				}
				a.Close(false, 0)
			})
		}
	}
}

// peers makes a backend for each way to speak to one.
func peers() map[string]func(testing.TB) *peerOf {
	return map[string]func(testing.TB) *peerOf{
		"TCP":     newPeer,
		"TLS 1.2": func(t testing.TB) *peerOf { t.Helper(); return newSecurePeer(t, tls.VersionTLS12) },
		"TLS 1.3": func(t testing.TB) *peerOf { t.Helper(); return newSecurePeer(t, tls.VersionTLS13) },
	}
}

// A connection that was never used before may be closed by a backend that did
// act on the request.
func TestDeathOfFreshConnectionIsAReset(t *testing.T) {
	for _, which := range []Reuse{ReuseFree, ReuseNone} {
		b := newPeer(t)
		linkOf(b.hc).clients.CloseIdle()
		var a Attempt
		b.openFresh(&a, which)
		_ = b.Close()
		b.ended(a.Conn())
		b.send(&a)
		if got := a.Head(false, rig.Soon()); got != Reset {
			t.Errorf("got %v; want %v", got, Reset)
		}
		a.Close(false, 0)
		if open, _ := linkOf(b.hc).clients.Counts(); open != 0 {
			t.Errorf("%d connections are counted; want 0", open)
		}
	}
}

// The loop closes a pooled connection when the backend hangs up, and learns its
// age; the next attempt dials.
func TestHangUpInThePoolIsLearnt(t *testing.T) {
	b := newPeer(t)
	ages := &linkOf(b.hc).clients.ages
	_ = b.Close()
	b.until(ages.known)
	var a Attempt
	if out := a.OpenPooled(b.hc, ReuseFree); out != Pending {
		t.Fatalf("got %v from the pool; want %v", out, Pending)
	}
	b.open(&a, ReuseFree)
	if a.Reused() {
		t.Error("the dead connection was used again")
	}
	a.Close(false, 0)
}

// A backend that has switched may be silent for an hour: the buffer of its head
// does not wait with it, in clear text and in TLS, and what it says then is heard.
func TestSwitchedConnectionHoldsNoBuffer(t *testing.T) {
	for name, newPeer := range peers() {
		t.Run(name, func(t *testing.T) {
			b := newPeer(t)
			var a Attempt
			b.open(&a, ReuseFree)
			b.send(&a)
			b.receive()
			b.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly")
			if out := a.Head(false, rig.Soon()); out != OK || string(a.Response.UpgradeTo) != "x" {
				t.Fatalf("got %v, to %q", out, a.Response.UpgradeTo)
			}
			if got := a.Early(); string(got) != "early" {
				t.Errorf("got %q early", got)
			}
			a.Switched()
			if a.in.Held() || a.Response.UpgradeTo != nil {
				t.Errorf("the buffer is held: %t, and the response says %q", a.in.Held(), a.Response.UpgradeTo)
			}
			b.say("late")
			got := make([]byte, 4)
			if _, err := io.ReadFull(a.Conn(), got); err != nil || string(got) != "late" {
				t.Errorf("got %q, %v; want what came late", got, err)
			}
			a.Close(false, 0)
		})
	}
}

// Connections beyond the age are left to requests that can be repeated, and
// beyond the floor to nobody.
func TestAgeDecidesWhoTakesAConnection(t *testing.T) {
	second := int64(time.Second)
	for _, tc := range []struct {
		name       string
		limit, age int64
		free, safe bool // whether such a request takes it
	}{
		{"nothing known", 0, 3600 * second, true, true},
		{"young", 5 * second, 4 * second, true, true},
		{"old", 5 * second, 5 * second, false, false},
		{"old for a POST", second / 10, second / 2, true, false},
		{"old for all", second / 10, 2 * second, false, false},
	} {
		for which, taken := range map[Reuse]bool{ReuseFree: tc.free, ReuseSafe: tc.safe, ReuseNone: false} {
			b := newPeer(t)
			link := linkOf(b.hc)
			now := socket.Nanos()
			if tc.limit > 0 {
				link.clients.ages.observe(now, tc.limit, 0)
			}
			pooled, err := leases.take(b.hc)
			if err != nil {
				t.Fatal(err)
			}
			pooled.Wake()
			pooled.Rest(now - tc.age)
			leases.put(b.hc, pooled)

			var a Attempt
			if out := a.OpenPooled(b.hc, which); (out == OK) != taken {
				t.Errorf("%s, %d: the loop got %v; want taken %v", tc.name, which, out, taken)
			} else if out != OK {
				b.open(&a, which)
			}
			if a.Reused() != taken {
				t.Errorf("%s, %d: reused is %v; want %v", tc.name, which, a.Reused(), taken)
			}
			kept := !taken && (tc.free || which == ReuseNone)
			if _, idle := link.clients.Counts(); (idle == 1) != kept {
				t.Errorf("%s, %d: %d idle connections; want it kept: %v", tc.name, which, idle, kept)
			}
			a.Close(false, 0)
		}
	}
}

// What the backend says of itself counts as well.
func TestKeepAliveTimeoutIsLearnt(t *testing.T) {
	b := newPeer(t)
	var a Attempt
	b.open(&a, ReuseFree)
	b.exchange(&a, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=8, max=100\r\nContent-Length: 2\r\n\r\nok")
	if got, want := linkOf(b.hc).clients.ages.limit(socket.Nanos()), int64(7*time.Second); got != want {
		t.Errorf("got a limit of %v; want %v", time.Duration(got), time.Duration(want))
	}
}

// Connections outside the pool count against connections.max.
func TestSingleConnectionsAreBounded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	clients := clientsTo(t, ln.Addr().String(), config.Pool{Connections: config.PoolConnections{Max: 2}})
	var as [3]Attempt
	for i := range as {
		want := OK
		if i == 2 {
			want = NoFreeConn
		}
		if out := as[i].Open(clients.Shard(i%2), ReuseNone); out != want {
			t.Errorf("connection %d: got %v; want %v", i, out, want)
		}
	}
	as[0].Close(false, 0)
	if out := as[2].Open(clients.Shard(0), ReuseFree); out != OK {
		t.Errorf("after one was closed: got %v; want %v", out, OK)
	}
	as[1].Close(false, 0)
	as[2].Close(false, 0)
}

// A goroutine that opens an attempt takes a connection that is idle itself: it sends no
// errand, which is another goroutine. Without errands, only what has to be dialled fails.
func TestIdleConnectionsNeedNoErrand(t *testing.T) {
	p := newPeer(t)
	linkOf(p.hc).clients.errands.Close()
	var a, b Attempt
	if out := a.Open(p.hc, ReuseSafe); out != OK || !a.Reused() {
		t.Fatalf("got %v, reused %v; want the idle connection", out, a.Reused())
	}
	if out := b.Open(p.hc, ReuseSafe); out == OK {
		t.Errorf("a second one: got %v; want no connection without errands", out)
	}
	a.putBack(a.conn)
	if out := b.Open(p.hc, ReuseSafe); out != OK {
		t.Errorf("when it is idle again: got %v; want it", out)
	}
	b.putBack(b.conn)
}
