package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReloadOfCertificates replaces the certificate again and again while
// clients keep asking, half of them on connections of their own: nobody notices.
func TestReloadOfCertificates(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	text := tlsText("", "", p)
	address := backend(t, sees)
	r := start(t, text, address)
	kept, _ := r.mustDialTLS(nil)
	var stop atomic.Bool
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for c := (*client)(nil); !stop.Load(); done.Add(1) {
				if c == nil || i%2 == 0 {
					if c != nil {
						_ = c.Close()
					}
					var err error
					if c, _, err = r.dialTLS(nil); err != nil {
						t.Errorf("handshake: %v", err)
						return
					}
				}
				renew(c)
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("request: %v, %v", resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		})
	}
	for range 10 {
		p.renew(t, tomorrow(), "a.test")
		r.apply(text, address)
		_, conn := r.mustDialTLS(nil)
		if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(p.leaf) {
			t.Error("a new connection got an old certificate")
		}
		renew(kept)
		if got := kept.get("/").StatusCode; got != 200 {
			t.Errorf("an old connection: got %d", got)
		}
	}
	stop.Store(true)
	wg.Wait()
	if done.Load() < 50 {
		t.Errorf("only %d requests were made", done.Load())
	}
}

// TestSessionsAreResumed shows that shards and generations share ticket keys,
// and that a change of what clients are asked for does not.
func TestSessionsAreResumed(t *testing.T) {
	p, authority := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "ca")
	address := backend(t, sees)
	r := start(t, tlsText("", "", p), address)
	config := &tls.Config{ServerName: "a.test", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	resumed := func() bool {
		c, conn := r.mustDialTLS(config)
		c.get("/") // brings the ticket
		_ = c.Close()
		return conn.ConnectionState().DidResume
	}
	resumed()
	for range 10 { // the kernel spreads them over the shards
		if !resumed() {
			t.Error("a session was not resumed")
		}
	}
	r.apply(tlsText("", "", p), address)
	if !resumed() {
		t.Error("a session was not resumed after a reload")
	}
	r.apply(tlsText(fmt.Sprintf(", client_auth: {mode: request, ca_file: %q}", authority.certFile), "", p), address)
	if resumed() {
		t.Error("a session was resumed although clients are asked for more")
	}
}

func TestUnusableCertificatesRefuse(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	address := backend(t, sees)
	r := start(t, tlsText("", "", p), address)
	bad := parse(t, tlsText("", "", p), address)
	if err := os.WriteFile(p.certFile, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := r.engine.Apply(bad)
	if err == nil || !strings.Contains(err.Error(), "listeners.web.tls.certificates[0].cert_file: cannot use certificate") {
		t.Errorf("got %v; want the path of the key", err)
	}
	c, _ := r.mustDialTLS(nil)
	if got := c.get("/").StatusCode; got != 200 {
		t.Errorf("afterwards: got %d; want 200", got)
	}
}

func TestCertificateMetrics(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test"), newPair(t, time.Now().Add(-time.Hour), "old.test"),
		newPair(t, tomorrow().Add(time.Hour), "a.test")), backend(t, sees))
	for _, c := range []struct {
		name string
		want time.Duration
	}{{"a.test", 24 * time.Hour}, {"old.test", -time.Hour}} {
		var page strings.Builder
		r.engine.registry.WriteMetrics(&page, "")
		_, rest, ok := strings.Cut(page.String(), `isame_certificate_expiry_seconds{name="`+c.name+`"} `)
		var got int64
		if _, err := fmt.Sscan(rest, &got); !ok || err != nil || time.Duration(got)*time.Second < c.want-time.Minute || time.Duration(got)*time.Second > c.want {
			t.Errorf("%s: got %d; want about %v", c.name, got, c.want)
		}
	}
}

// TestListenerBeginsAndEndsToSpeakTLS reloads in both directions: what is open
// goes on as it began.
func TestListenerBeginsAndEndsToSpeakTLS(t *testing.T) {
	p := newPair(t, tomorrow(), "a.test")
	secure, address := tlsText("", "", p), backend(t, sees)
	plain := strings.Replace(secure, secure[strings.Index(secure, ", tls:"):strings.Index(secure, "}}}\nroutes")+1], "", 1)
	r := start(t, plain, address)
	before := r.dial()
	before.get("/")
	r.apply(secure, address)
	secureConn, _ := r.mustDialTLS(nil)
	if got := secureConn.get("/").body; got != "https 127.0.0.1" {
		t.Errorf("got %q", got)
	}
	if got := before.get("/").body; got != "http 127.0.0.1" {
		t.Errorf("the connection in clear text: got %q", got)
	}
	r.apply(plain, address)
	if got := secureConn.get("/").body; got != "https 127.0.0.1" {
		t.Errorf("the connection that speaks TLS: got %q", got)
	}
	if got := r.dial().get("/").body; got != "http 127.0.0.1" {
		t.Errorf("got %q", got)
	}
}

// TestRemovedListenerEndsTLSConnections drains an idle connection and half a
// handshake: neither is waited for, and the first one ends in order.
func TestRemovedListenerEndsTLSConnections(t *testing.T) {
	t.Parallel()
	text, address := tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees)
	r := start(t, text, address)
	idle, _ := r.mustDialTLS(nil)
	idle.get("/")
	half := r.dial()
	half.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
	r.mustDialTLS(nil) // by now half of it was read, or its turn comes after the drain
	began := time.Now()
	r.apply(strings.Replace(text, "127.0.0.1:0", "localhost:0", 1), address)
	if _, err := idle.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection: got %v; want an orderly end", err)
	}
	if _, err := io.ReadAll(half); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("half a handshake is still open")
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v; want no waiting", took)
	}
}

// TestTLSClientThatReadsNothingIsCut fills both sockets and the records between
// them with an answer that nobody takes.
func TestTLSClientThatReadsNothingIsCut(t *testing.T) {
	ended := make(chan struct{})
	r := start(t, tlsText("", ", timeouts: {write: 300ms}", newPair(t, tomorrow(), "a.test")),
		backend(t, func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}))
	c, _ := r.mustDialTLS(nil)
	c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	select {
	case <-ended: // the backend was let go
	case <-time.After(15 * time.Second):
		t.Fatal("the backend still sends")
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("the client saw a whole answer of %d bytes; want a broken one", n)
	}
}
