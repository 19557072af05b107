package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
)

// ending is a listener that goes away: with the process, or in a reload that keeps
// another one.
type ending struct {
	name string
	text string
	end  func(r *rig)
}

func shutDown(r *rig) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if cut := r.engine.Shutdown(ctx); cut > 0 {
		r.t.Errorf("shutdown cut %d connections; want 0", cut)
	}
}

func endings(t *testing.T, drain string) []ending {
	t.Helper()
	drained := strings.Replace(drained, "{{drain}}", drain, 1)
	server := newPair(t, tomorrow(), "a.test")
	listener := func(text string) string { return strings.Replace(drained, "{{listener}}", text, 1) }
	secure := fmt.Sprintf("{address: \"127.0.0.1:0\", tls: {certificates: [{cert_file: %q, key_file: %q}]}}", server.certFile, server.keyFile)
	removed := func(r *rig) {
		r.apply(strings.Replace(drained, "web: {{listener}}, ", "", 1), "127.0.0.1:1")
		shutDown(r)
	}
	return []ending{
		{"shutdown", listener(`{address: "127.0.0.1:0"}`), shutDown},
		{"shutdown, TLS", listener(secure), shutDown},
		{"removed", listener(`{address: "127.0.0.1:0"}`), removed},
		{"removed, TLS", listener(secure), removed},
	}
}

const drained = `
listeners: {web: {{listener}}, zz: {address: "127.0.0.1:0"}}
routes: {all: {respond: {body: fine}}}
shutdown: {drain: {{drain}}}
`

// visitor is a client of its own goroutine.
type visitor struct {
	net.Conn

	r *bufio.Reader
}

func visit(address string, secure bool) (*visitor, error) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if secure {
		c = tls.Client(c, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true})
	}
	return &visitor{c, bufio.NewReader(c)}, nil
}

// ask sends a request and reports whether the answer ends the connection.
func (v *visitor) ask() (last bool, err error) {
	if _, err := io.WriteString(v, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(v.r, nil)
	if err != nil {
		return false, err
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		return false, err
	}
	if resp.StatusCode != 200 {
		return false, errors.New(resp.Status)
	}
	return resp.Close, nil
}

// drainRig is an engine for one drain.
func drainRig(t *testing.T, text string) *rig {
	t.Helper()
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(2), Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e}
	r.apply(text, "127.0.0.1:1")
	r.address = e.Listeners()[0].Bound
	return r
}

// Clients that use kept connections all the time, while the listener ends: each
// request is answered, the last one with Connection: close.
func TestDrainLosesNoRequestOfKeptConnections(t *testing.T) {
	const rounds, clients = 8, 40
	for _, end := range endings(t, "4s") {
		t.Run(end.name, func(t *testing.T) {
			var lost, asked atomic.Int64
			for range rounds {
				r := drainRig(t, end.text)
				var all, kept sync.WaitGroup
				kept.Add(clients)
				for range clients {
					all.Go(func() {
						v, err := visit(r.address, strings.Contains(end.text, "tls"))
						if err != nil {
							kept.Done()
							t.Error(err)
							return
						}
						defer v.Close()
						_, err = v.ask()
						kept.Done()
						for last := false; err == nil && !last; asked.Add(1) {
							<-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond)
							last, err = v.ask()
						}
						if err != nil {
							lost.Add(1)
						}
					})
				}
				kept.Wait()
				end.end(r)
				all.Wait()
			}
			if n := lost.Load(); n > 0 {
				t.Errorf("%d of %d connections lost a request in %d requests; want 0", n, rounds*clients, asked.Load())
			}
		})
	}
}

// Clients that connect anew for each request while the listener ends: who could
// connect gets an answer.
func TestDrainServesConnectionsOfTheBacklog(t *testing.T) {
	const rounds, clients = 8, 16
	// Nobody keeps a connection, so no drain lasts; but who has just connected needs a share
	// of it to say something, on a busy machine, too.
	for _, end := range endings(t, "30s") {
		t.Run(end.name, func(t *testing.T) {
			var lost, asked atomic.Int64
			for range rounds {
				r := drainRig(t, end.text)
				var all, begun sync.WaitGroup
				var ended atomic.Bool
				begun.Add(clients)
				for range clients {
					all.Go(func() {
						said := sync.OnceFunc(begun.Done)
						defer said()
						for {
							v, err := visit(r.address, strings.Contains(end.text, "tls"))
							if err != nil && ended.Load() {
								return // refused
							}
							if err != nil {
								continue
							}
							if _, err := v.ask(); err != nil {
								lost.Add(1)
							}
							_ = v.Close()
							asked.Add(1)
							said()
						}
					})
				}
				begun.Wait()
				end.end(r)
				ended.Store(true)
				all.Wait()
			}
			if n := lost.Load(); n > 0 {
				t.Errorf("%d of %d new connections were accepted and not answered; want 0", n, asked.Load())
			}
		})
	}
}

// A connection without a request stays for a share of the drain, and then leaves
// with an orderly end.
func TestDrainLetsIdleConnectionsGo(t *testing.T) {
	for _, end := range endings(t, "4s") {
		t.Run(end.name, func(t *testing.T) {
			r := drainRig(t, end.text)
			v, err := visit(r.address, strings.Contains(end.text, "tls"))
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if last, err := v.ask(); last || err != nil {
				t.Fatalf("got %v, %v", last, err)
			}
			began, left := time.Now(), make(chan time.Duration, 1)
			go func() {
				if n, err := v.r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
					t.Errorf("got %d bytes, %v; want an end", n, err)
				}
				left <- time.Since(began)
			}()
			end.end(r)
			if after := <-left; after < 450*time.Millisecond || after > 2*time.Second {
				t.Errorf("it was ended after %v of a drain of 4 s; want it within the second half of the first second", after)
			}
		})
	}
}

// Requests that came in one piece are all answered, although a drain has begun.
func TestDrainAnswersWhatWasPipelined(t *testing.T) {
	t.Parallel()
	r := drainRig(t, endings(t, "4s")[0].text)
	v, err := visit(r.address, false)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.ask(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); shutDown(r) }()
	eventually(t, func() string { return "the drain has begun" }, r.engine.stopping.Load)
	eventually(t, func() string { return "the shards know" }, func() bool {
		return r.engine.apply.listeners["web=127.0.0.1:0"].shards[0].draining.Load() &&
			r.engine.apply.listeners["web=127.0.0.1:0"].shards[1].draining.Load()
	})
	if _, err := io.WriteString(v, strings.Repeat("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 3)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		resp, err := http.ReadResponse(v.r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		if last := i == 2; resp.Close != last {
			t.Errorf("answer %d: close is %v; want %v", i, resp.Close, last)
		}
	}
	<-ended
}

// Whoever waits for the end of a process is told what for.
func TestSlowEndSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := startLogged(t, &log, plain, "127.0.0.1:1")
	r.engine.soon("what is quick", func() {})
	r.engine.soon("what is slow", func() {
		eventually(t, func() string { return "it is said: " + log.String() }, func() bool { return strings.Contains(log.String(), "what is slow") })
	})
	if strings.Contains(log.String(), "what is quick") {
		t.Errorf("what took no time is named:\n%s", log.String())
	}
}
