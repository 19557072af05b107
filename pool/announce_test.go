package pool

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

var someClient = wire.ProxyHeader{
	Source: netip.MustParseAddrPort("192.0.2.1:1234"), Destination: netip.MustParseAddrPort("192.0.2.9:80"),
}

// answerAnnounced reads a PROXY header and a request from a connection, answers,
// and says what the header was.
func answerAnnounced(c net.Conn, server *tls.Config, answer string) (header string, in net.Conn, err error) {
	r := bufio.NewReader(c)
	var h wire.ProxyHeader
	for n := 0; n == 0; {
		if _, err := r.Peek(r.Buffered() + 1); err != nil {
			return "", nil, err
		}
		some, _ := r.Peek(r.Buffered())
		if n, err = h.Parse(some); err != nil {
			return "", nil, err
		}
		header = string(some[:n])
		_, _ = r.Discard(n)
	}
	in = &readsFrom{c, r}
	if server != nil {
		in = tls.Server(in, server)
	}
	if _, err := io.ReadFull(in, make([]byte, len(rig.Request))); err != nil {
		return header, in, err
	}
	_, err = io.WriteString(in, answer)
	return header, in, err
}

type readsFrom struct {
	net.Conn

	r io.Reader
}

func (c *readsFrom) Read(p []byte) (int, error) { return c.r.Read(p) }

// A connection that was announced carries one request. When its answer is
// complete it leaves no port behind: the backend that ends first keeps it, or is
// sent a reset.
func TestAnnouncedConnectionCarriesOneRequest(t *testing.T) {
	ca := rig.NewAuthority(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}}
	for _, version := range []string{"v1", "v2"} {
		for _, secure := range []bool{false, true} {
			for _, ends := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, TLS %v, the backend ends %v", version, secure, ends), func(t *testing.T) {
					b := listenOnce(t)
					cfg := poolOf(b.Addr().String())
					cfg.ProxyProtocol = version
					s := (*tls.Config)(nil)
					if secure {
						s, cfg.TLS = server, ca.Trusting("a.test")
					}
					_, p := buildDialing(t, cfg, nil)
					header, closed := make(chan string, 1), make(chan error, 1)
					answered := make(chan struct{})
					go func() {
						c, err := b.Accept()
						if err != nil {
							closed <- err
							return
						}
						defer func() { _ = c.Close() }()
						text, in, err := answerAnnounced(c, s, rig.OKAnswer)
						header <- text
						if err == nil && ends {
							err = in.Close()
						}
						close(answered)
						if err == nil && !ends {
							_, err = io.Copy(io.Discard, c)
						}
						closed <- err
					}()
					askAnnounced(t, p, answered, ends)
					want := string(p.announces.Append(nil, &someClient))
					if got := <-header; got != want {
						t.Errorf("the header is %q; want %q", got, want)
					}
					if err := <-closed; errors.Is(err, syscall.ECONNRESET) == ends {
						t.Errorf("the backend met %v; want a reset: %v", err, !ends)
					}
					if open, idle := p.Members()[0].clients.Counts(); open != 0 || idle != 0 {
						t.Errorf("%d connections are open and %d idle; want none", open, idle)
					}
				})
			}
		}
	}
}

// askAnnounced makes one exchange; the attempt is closed when the backend has
// ended the connection, where it does.
func askAnnounced(t *testing.T, p *Pool, answered <-chan struct{}, ends bool) {
	t.Helper()
	hc := p.Members()[0].Client(0)
	a := attempt.Attempt{Client: someClient}
	if out := a.OpenPooled(hc, attempt.ReuseFree); out != attempt.Pending {
		t.Fatalf("in the loop: got %v; want %v", out, attempt.Pending)
	}
	if out := a.Open(hc, attempt.ReuseFree); out != attempt.OK {
		t.Fatalf("open: %v: %s", out, p.Status().Backends[0].TLSError)
	}
	if out := a.Send([]byte(rig.Request), time.Second); out != attempt.OK {
		t.Fatal(out)
	}
	out := a.Head(false, rig.Soon())
	for out == attempt.OK && !a.Done() {
		_, out = a.Next(rig.Soon())
	}
	if out != attempt.OK {
		t.Fatal(out)
	}
	<-answered
	for limit := rig.Soon(); ends && !a.Conn().Ended(); <-time.After(time.Millisecond) {
		if socket.Nanos() > limit {
			t.Fatal("the end has not come")
		}
	}
	a.Close(true, socket.Nanos())
}

func listenOnce(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// Probes say that they are nobody's.
func TestProbesAreAnnounced(t *testing.T) {
	ca := rig.NewAuthority(t)
	for _, tc := range []struct {
		version string
		secure  bool
		want    string
	}{
		{"v1", false, "PROXY UNKNOWN\r\n"},
		{"v2", false, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"},
		{"v2", true, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"},
	} {
		t.Run(fmt.Sprintf("%s, TLS %v", tc.version, tc.secure), func(t *testing.T) {
			ln := listenOnce(t)
			cfg := poolOf(ln.Addr().String())
			cfg.ProxyProtocol = tc.version
			server := (*tls.Config)(nil)
			if tc.secure {
				cfg.TLS = ca.Trusting("a.test")
				server = &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}}
			}
			cfg.HealthCheck = &config.HealthCheck{Type: "http", Path: "/", Interval: time.Hour, Timeout: 10 * time.Second}
			header := make(chan string, 1)
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				defer func() { _ = c.Close() }()
				text, in, err := answerAnnounced(c, server, rig.OKAnswer)
				if err == nil {
					_ = in.Close()
				}
				header <- text
			})
			s, p := buildDialing(t, cfg, nil)
			s.Start()
			if got := <-header; got != tc.want {
				t.Errorf("the probe began with %q; want %q", got, tc.want)
			}
			for limit := rig.Soon(); p.Status().Backends[0].Health != "healthy"; <-time.After(time.Millisecond) {
				if socket.Nanos() > limit {
					t.Fatalf("got %+v", p.Status().Backends[0])
				}
			}
			if got := p.Status().Backends[0].ProxyProtocol; got != tc.version {
				t.Errorf("the status says %q; want %q", got, tc.version)
			}
		})
	}
}

func TestAnnouncementBelongsToTheIdentity(t *testing.T) {
	all := map[string]bool{}
	for _, version := range []string{"", "v1", "v2"} {
		for _, secure := range []bool{false, true} {
			cfg := poolOf("127.0.0.1:1")
			cfg.ProxyProtocol = version
			cfg.TLS = config.PoolTLS{Enabled: secure, InsecureSkipVerify: true}
			_, p := buildOne(t, cfg, nil, nil)
			all[p.Members()[0].backend.Identity()] = true
		}
	}
	if len(all) != 6 {
		t.Errorf("got %v; want six identities", all)
	}
	cfg := poolOf("127.0.0.1:1")
	cfg.ProxyProtocol = "v3"
	_, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg}}, nil, Options{Shards: 1})
	if err == nil || !strings.Contains(err.Error(), `pools.p.proxy_protocol: "v3" is none of off, v1 and v2`) {
		t.Errorf("got %v", err)
	}
}
