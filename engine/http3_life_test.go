package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// held3 is a backend whose answers wait.
type held3 struct {
	came, left chan struct{}
	answer     chan struct{}
}

func newHeld3() *held3 {
	return &held3{came: make(chan struct{}, 16), left: make(chan struct{}, 16), answer: make(chan struct{})}
}

func (h *held3) serve(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path != "/held" {
		echo(w, q)
		return
	}
	h.came <- struct{}{}
	select {
	case <-h.answer:
		_, _ = io.WriteString(w, "late")
	case <-q.Context().Done():
		h.left <- struct{}{}
	}
}

// A client that gives up a request ends the work of the backend.
func TestHTTP3CancelledRequestsCancelTheBackend(t *testing.T) {
	h := newHeld3()
	r := start(t, h3Text(t), backend(t, h.serve))
	c, _ := r.h3Client()
	for range 4 {
		ctx, cancel := context.WithCancel(context.Background())
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://a.test/held", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			resp, err := c.Do(q)
			if err == nil {
				_ = resp.Body.Close()
			}
			ended <- err
		}()
		<-h.came
		cancel()
		if err := <-ended; err == nil {
			t.Error("got an answer; want none")
		}
		<-h.left
	}
	get3(t, c, "/")
	r.settled2(t)
}

// An answer that comes before the request has ended is whole, and the rest is not
// wanted.
func TestHTTP3EarlyAnswers(t *testing.T) {
	r := start(t, strings.Replace(h3Text(t), "all: {pool: p}", "all: {path_prefix: /b, pool: p}", 1), backend(t, echo))
	c := r.h3(noSettings)
	s := c.open(false, section3(to("POST", "/early")...)+frame3(data3, "some"))
	if got := c.outcome(s); got != "404 no_route" {
		t.Errorf("got %q; want 404 no_route", got)
	}
	var stop *quic.StreamError
	eventually(t, func() string { return "the server stops the upload" }, func() bool {
		_, err := s.Write([]byte(frame3(data3, strings.Repeat("x", 1000))))
		return errors.As(err, &stop)
	})
	if !stop.Remote || stop.ErrorCode != 0x100 {
		t.Errorf("stopped with %v; want H3_NO_ERROR", stop)
	}
	if got := c.ask(to("GET", "/early")...); got != "404 no_route" {
		t.Errorf("the next one: got %q", got)
	}
	r.settled2(t)
}

// A client that does not read holds the backend back, and one that is held by a slow
// backend holds the client back: memory does not grow.
func TestHTTP3BackPressure(t *testing.T) {
	var wrote atomic.Int64
	hold := make(chan struct{})
	r := start(t, h3Text(t), backend(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/up" {
			<-hold
			_, _ = io.Copy(io.Discard, q.Body)
			return
		}
		for piece := noise(64 << 10); ; {
			n, err := w.Write(piece)
			wrote.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	stalled := func(t *testing.T, n func() int64) int64 {
		t.Helper()
		last, same := int64(-1), 0
		eventually(t, func() string { return fmt.Sprintf("nothing moves any more; %d bytes did", last) }, func() bool {
			if now := n(); now != last {
				last, same = now, 0
			} else {
				same++
			}
			return last > 0 && same > 500
		})
		return last
	}
	t.Run("down", func(t *testing.T) {
		r.t = t
		c := r.h3(noSettings)
		s := c.open(true, section3(to("GET", "/down")...))
		if n := stalled(t, wrote.Load); n > 32<<20 {
			t.Errorf("the backend wrote %d bytes that nobody read", n)
		}
		s.CancelRead(0x10c)
		r.settled2(t)
	})
	t.Run("up", func(t *testing.T) {
		r.t = t
		c := r.h3(noSettings)
		s := c.open(false, section3(to("POST", "/up")...))
		var sent atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for i := range 256 {
				if _, err := s.Write([]byte(frame3(data3, string(make([]byte, 64<<10))))); err != nil {
					t.Errorf("piece %d: %v", i, err)
					return
				}
				sent.Add(64 << 10)
			}
			_ = s.Close()
		}()
		if n := stalled(t, sent.Load); n > 8<<20 {
			t.Errorf("the client sent %d bytes that nobody read", n)
		}
		close(hold)
		<-ended
		_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
		if got := c.outcome(s); got != "200" {
			t.Errorf("got %q; want 200", got)
		}
	})
}

func TestHTTP3Reloads(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	h := newHeld3()
	address := backend(t, h.serve)
	with, without := tlsText("", ", http3: true", p), tlsText("", "", p)
	r := start(t, without, address)
	dials := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		q, err := quic.DialAddr(ctx, r.address, h3TLS(), nil)
		if err == nil {
			_ = q.CloseWithError(0x100, "")
		}
		return err
	}
	if dials() == nil {
		t.Fatal("it speaks HTTP/3 before it is asked to")
	}
	r.apply(with, address)
	kept, _ := r.h3Client()
	get3(t, kept, "/")

	p.renew(t, tomorrow(), "a.test") // certificates of new connections are new, and the old ones go on
	r.apply(with, address)
	resp, _ := get3(t, kept, "/")
	if resp.TLS.PeerCertificates[0].Equal(p.leaf) || r.connections() != 1 {
		t.Error("the old connection is not the one that was there")
	}
	other, tr := r.h3Client()
	if resp, _ := get3(t, other, "/"); !resp.TLS.PeerCertificates[0].Equal(p.leaf) {
		t.Error("a new connection got an old certificate")
	}
	_ = tr.Close()

	late := make(chan string, 1) // what is under way finishes when the port goes
	go func() {
		resp, err := kept.Get("https://a.test/held")
		if err != nil {
			late <- err.Error()
			return
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		late <- fmt.Sprint(string(b), err)
	}()
	<-h.came
	r.apply(without, address)
	if dials() == nil {
		t.Error("the port is gone, and takes connections")
	}
	close(h.answer)
	if got := <-late; got != "late<nil>" {
		t.Errorf("got %q; want the late answer", got)
	}
	r.checkGone(t)
	eventually(t, func() string { return "the port can be opened again" }, func() bool { return r.engine.Apply(parse(t, with, address)) == nil })
	again, _ := r.h3Client()
	get3(t, again, "/")
}

// A drain lets requests finish, tells clients to go, and refuses what is new.
func TestHTTP3Drain(t *testing.T) {
	t.Parallel()
	h := newHeld3()
	address := backend(t, h.serve)
	r := start(t, h3Text(t), address)
	c := r.h3(noSettings)
	s := c.open(true, section3(to("GET", "/held")...))
	<-h.came
	elsewhere := strings.Replace(h3Text(t), "127.0.0.1:0", "127.0.0.2:0", 1)
	r.apply(elsewhere, address)
	control, err := c.AcceptUniStream(c.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(control)
	for said := ""; !strings.HasSuffix(said, frame3(goAway3, "\x04")); {
		b, err := in.ReadByte()
		if err != nil {
			t.Fatalf("got %q, %v; want GOAWAY of the second request", said, err)
		}
		said += string([]byte{b})
	}
	if got := c.ask(to("GET", "/")...); got != "reset REQUEST_REJECTED" {
		t.Errorf("a new request: got %q", got)
	}
	close(h.answer)
	if got := c.outcome(s); got != "200 late" {
		t.Errorf("got %q; want the late answer", got)
	}
	if got := c.ending(); got != "close NO_ERROR" {
		t.Errorf("got %q", got)
	}
}

// A request that was sent before its client could know of the drain is heard: the first
// GOAWAY refuses nothing.
func TestHTTP3DrainHearsWhatIsOnItsWay(t *testing.T) {
	address := backend(t, echo)
	r := start(t, h3Text(t), address)
	c := r.h3(noSettings)
	if got := c.ask(to("GET", "/")...); !strings.HasPrefix(got, "200") {
		t.Fatalf("got %q", got)
	}
	r.apply(strings.Replace(h3Text(t), "127.0.0.1:0", "127.0.0.2:0", 1), address)
	control, err := c.AcceptUniStream(c.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(control)
	for said := ""; !strings.HasSuffix(said, frame3(goAway3, "\xff\xff\xff\xff\xff\xff\xff\xfc")); {
		b, err := in.ReadByte()
		if err != nil {
			t.Fatalf("got %q, %v; want GOAWAY of the last request there could be", said, err)
		}
		said += string([]byte{b})
	}
	if got := c.ask(to("GET", "/")...); !strings.HasPrefix(got, "200") {
		t.Errorf("got %q; want an answer", got)
	}
	if got := c.ending(); got != "close NO_ERROR" {
		t.Errorf("got %q", got)
	}
}

// The address of a client changes under way.
func TestHTTP3Migration(t *testing.T) {
	r := start(t, h3Text(t), backend(t, echo))
	transport := func() *quic.Transport {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		tr := &quic.Transport{Conn: socket}
		t.Cleanup(func() {
			_ = tr.Close()
			_ = socket.Close()
		})
		return tr
	}
	to, err := net.ResolveUDPAddr("udp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	q, err := transport().Dial(ctx, to, h3TLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.CloseWithError(0x100, "") }()
	c := &http.Client{Transport: (&http3.Transport{}).NewClientConn(q)}
	get3(t, c, "/")
	before := q.LocalAddr().String()
	path, err := q.AddPath(transport())
	if err != nil {
		t.Fatal(err)
	}
	if err := path.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if err := path.Switch(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		get3(t, c, "/")
	}
	if now := q.LocalAddr().String(); now == before || r.connections() != 1 {
		t.Errorf("at %s, %d connections; want one that has left %s", now, r.connections(), before)
	}
}

// Sessions are resumed, and what could be replayed is not taken.
func TestHTTP3TakesNoEarlyData(t *testing.T) {
	r := start(t, h3Text(t), backend(t, echo))
	config := h3TLS()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for i := range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		q, err := quic.DialAddrEarly(ctx, r.address, config, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-q.HandshakeComplete()
		c := &http.Client{Transport: (&http3.Transport{}).NewClientConn(q)}
		get3(t, c, "/")
		state := q.ConnectionState()
		if state.Used0RTT || state.TLS.DidResume != (i > 0) {
			t.Errorf("connection %d: 0-RTT %v, resumed %v", i, state.Used0RTT, state.TLS.DidResume)
		}
		_ = q.CloseWithError(0x100, "")
		cancel()
	}
}

// A reload that switches http3 on waits for the port like a start.
func TestHTTP3PortThatIsTaken(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	address := backend(t, echo)
	r := start(t, tlsText("", "", p), address)
	taken, err := net.ListenPacket("udp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	r.apply(tlsText("", ", http3: true", p), address)
	if got := r.altSvc(t); got != "" {
		t.Errorf("the port is taken, and announced: %q", got)
	}
	_ = taken.Close()
	eventually(t, func() string { return "the port is announced" }, func() bool { return r.altSvc(t) != "" })
}

// Who has no certificate is refused, as over TCP.
func TestHTTP3ClientCertificates(t *testing.T) {
	p, client := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "client")
	r := start(t, tlsText(fmt.Sprintf(", client_auth: {mode: require, ca_file: %q}", client.certFile), ", http3: true", p), backend(t, sees))
	none, _ := r.h3Client()
	if resp, err := none.Get("https://a.test/"); err == nil {
		_ = resp.Body.Close()
		t.Error("got an answer without a certificate")
	}
	c, tr := r.h3Client()
	tr.TLSClientConfig.Certificates = []tls.Certificate{client.certificate}
	if _, body := get3(t, c, "/"); body != "https 127.0.0.1" {
		t.Errorf("got %q", body)
	}
}

// Limits of connections and of silence hold.
func TestHTTP3Limits(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	r := start(t, tlsText("", ", http3: true, timeouts: {header: 200ms, idle: 300ms}, limits: {connections: 1}", p), backend(t, echo))
	c := r.h3(noSettings)
	if got := c.ask(to("GET", "/")...); got != "200" {
		t.Errorf("got %q", got)
	}
	if got := r.h3Refusal(); got != "close EXCESSIVE_LOAD" {
		t.Errorf("a second connection: got %q", got)
	}
	s := c.open(false, "\x01")
	if got := c.outcome(s); got != "reset REQUEST_INCOMPLETE" {
		t.Errorf("a slow head: got %q", got)
	}
	if got := c.ending(); got != "close NO_ERROR" {
		t.Errorf("an idle connection: got %q", got)
	}
	r.checkGone(t)
}

// WebSocket over HTTP/3 (RFC 9220): a tunnel, both ways, that ends.
func TestHTTP3Tunnel(t *testing.T) {
	r := start(t, h3Text(t), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if q := readHead(in); q != nil && q.Header.Get("Upgrade") == "websocket" {
			_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
			echoBack(c, in)
		}
	}))
	c := r.h3(noSettings)
	s := c.open(false, section3(connectTo("/")...)+frame3(data3, "hello"))
	var got string
	room := make([]byte, 256)
	for !strings.HasSuffix(got, "hello") {
		n, err := s.Read(room)
		if got += string(room[:n]); err != nil {
			t.Fatalf("got %q, %v; want an echo", got, err)
		}
	}
	if r.tunnels() != 1 {
		t.Errorf("%d tunnels; want 1", r.tunnels())
	}
	_ = s.Close()
	_, _ = io.ReadAll(s)
	r.settled2(t)
}

// A drain asks tunnels to end while there is time for it, and cuts none.
func TestHTTP3TunnelsSayGoodbye(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	soon := func(text string) string { return strings.Replace(text, "drain: 5s", "drain: 1s", 1) }
	address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if q := readHead(in); q != nil {
			_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
			_, _ = io.Copy(io.Discard, in)
		}
	})
	r := start(t, soon(tlsText("", ", http3: true", p)), address)
	c := r.h3(noSettings)
	s := c.open(false, section3(connectTo("/")...))
	eventually(t, func() string { return "a tunnel" }, func() bool { return r.tunnels() == 1 })
	r.apply(soon(tlsText("", "", p)), address)
	all, _ := io.ReadAll(s)
	if !strings.Contains(string(all), frame3(data3, "\x88\x02\x03\xe9")) {
		t.Errorf("got %q; want a close frame", all)
	}
	r.settled2(t)
}
