package e2e

import (
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// front is the one address of a fleet, as a balancer of TCP before it is. It sends connections
// where the test says, once the test lets it.
type front struct {
	net.Listener

	came   chan struct{} // holds one when somebody has come
	open   chan struct{} // closed when connections may go on
	choose func() (address string)
	moved  sync.WaitGroup
}

func startFront(t *testing.T) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: l, came: make(chan struct{}, 1), open: make(chan struct{})}
	f.moved.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			f.moved.Go(func() { f.move(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.moved.Wait()
	})
	return f
}

func (f *front) move(c net.Conn) {
	defer func() { _ = c.Close() }()
	select {
	case f.came <- struct{}{}:
	default:
	}
	select {
	case <-f.open:
	case <-time.After(patience):
		return
	}
	b, err := net.Dial("tcp", f.choose())
	if err != nil {
		return
	}
	defer func() { _ = b.Close() }()
	limit := time.Now().Add(patience)
	_, _ = c.SetDeadline(limit), b.SetDeadline(limit)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(b, c)
		_ = endHalf(b)
	}()
	_, _ = io.Copy(c, b)
	_ = c.Close()
	<-done
}

// others chooses members that do not hold the lock of a host, one after the other.
func (f *front) others(s *etcdServer, all map[string]*proxy, listener, host string) {
	var mu sync.Mutex
	next := 0
	f.choose = func() string {
		mu.Lock()
		defer mu.Unlock()
		leader := s.leader(host)
		for {
			next++
			if name := fmt.Sprint("i", next%len(all)); name != leader && !all[name].hasExited() {
				return all[name].addressOf(listener)
			}
		}
	}
	close(f.open)
}

// leader is the instance that orders a certificate for a host; empty where none does.
func (s *etcdServer) leader(host string) string {
	name, _, _ := strings.Cut(s.get(fleetKey+"/acme/locks/issue_cert_"+host), "/")
	return name
}

// certified is a document whose listener web gets certificates, in a folder of each instance.
func certified(server *pebble, hosts string, inClear bool) string {
	listener := ""
	if inClear {
		listener = `clear: {address: "127.0.0.1:0", redirect_https: {}}, `
	}
	return fmt.Sprintf("listeners: {%sweb: {address: \"127.0.0.1:0\", tls: {acme: %s}}}\nshutdown: {drain: 10s}\n"+
		"routes: {all: {listeners: [web], respond: {status: 200}}}\n", listener, server.section("acme", hosts, ""))
}

// fleetOf starts instances at once, by name.
func (s *etcdServer) fleetOf(n int) map[string]*proxy {
	s.t.Helper()
	all := map[string]*proxy{}
	for i := range n {
		name := fmt.Sprint("i", i)
		all[name] = launch(s.t, s.memberFile(name))
	}
	for _, p := range all {
		p.waitReady()
	}
	return all
}

// TestFleetCertificates: ten instances that start at once make one order for a host, which validations
// of other instances confirm, and all of them have the certificate; also while etcd is frozen, and after
// a restart meanwhile.
func TestFleetCertificates(t *testing.T) { //nolint:tparallel // one fleet of ten after the other
	t.Parallel()
	for _, c := range []struct {
		name         string
		inClear, tls bool // where the ACME server finds the fleet
		ordersMost   int
	}{
		{"either way", true, true, 1},
		{"by tls-alpn-01", false, true, 1},
		// The library tries the way first, half of the time, where nobody is: that is another order.
		{"by http-01", true, false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clearFront, webFront := startEtcd(t), startFront(t), startFront(t)
			v := validation{seconds: 90 * 24 * 3600}
			if c.inClear {
				v.httpAddress = clearFront.Addr().String()
			}
			if c.tls {
				v.tlsAddress = webFront.Addr().String()
			}
			server := startPebble(t, v)
			s.put(certified(server, "a.test", c.inClear))
			all := s.fleetOf(10)
			if c.inClear {
				clearFront.others(s, all, "clear", "a.test")
			}
			webFront.others(s, all, "web", "a.test")
			first := all["i0"].waitIssued("a.test", nil)
			for name, p := range all {
				if got := p.waitIssued("a.test", nil); !got.Equal(first) {
					t.Errorf("%s has a certificate of its own", name)
				}
			}
			for what, most := range map[string]int{"Added order": c.ordersMost, "Issued certificate": 1, "accounts in memory": 1} {
				if n := strings.Count(server.log.String(), what); n < 1 || n > most {
					t.Errorf("pebble says %q %d times; want it %d times at most", what, n, most)
				}
			}
			if c.inClear && c.tls {
				all["i0"].showsNoPrivateKey()
				s.freezes(t, all, first)
			}
		})
	}
}

// showsNoPrivateKey looks into log, API and support bundle.
func (p *proxy) showsNoPrivateKey() {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "b.tar.gz")
	if code, out := ctl(p.t, p.admin, "support", "-f", file); code != 0 {
		p.t.Fatalf("support: exit %d:\n%s", code, out)
	}
	places := unpackFile(p.t, file)
	places["log"] = p.log.String()
	for _, path := range []string{"/api/v1/config?view=effective", "/api/v1/status", "/api/v1/certificates"} {
		places[path] = string(get(p.t, "http://"+p.admin+path).wantStatus(p.t, 200).body)
	}
	key, err := filepath.Glob(filepath.Join(filepath.Dir(p.file), "acme", "certificates", "*", "a.test", "a.test.key"))
	if err != nil || len(key) != 1 {
		p.t.Fatalf("got %v, %v; want the copy of the key", key, err)
	}
	text, err := os.ReadFile(key[0])
	if err != nil {
		p.t.Fatal(err)
	}
	secret := strings.Split(string(text), "\n")[1]
	for name, text := range places {
		if strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, secret) {
			p.t.Errorf("%s holds a private key", name)
		}
	}
}

// freezes stops etcd, and goes on when all serve what they have, one of them after a restart.
func (s *etcdServer) freezes(t *testing.T, all map[string]*proxy, want *x509.Certificate) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	old := all["i1"]
	old.end()
	all["i1"] = launch(t, old.file)
	all["i1"].waitReady()
	for name, p := range all {
		if got, err := p.shown("a.test"); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v while etcd is frozen; want the certificate it had", name, got, err)
		}
		if err := expectOK(t.Context(), p.asking("a.test", false), http.MethodGet, "https://a.test/", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// TestFleetLeaderIsKilled in the middle of its order: when its lease has ended, another instance makes one,
// and all that live have the certificate.
func TestFleetLeaderIsKilled(t *testing.T) {
	t.Parallel()
	s, f := startEtcd(t), startFront(t)
	server := startPebble(t, validation{tlsAddress: f.Addr().String(), seconds: 90 * 24 * 3600})
	s.put(certified(server, "a.test", false))
	all := s.fleetOf(4)
	within(t, "it is validated", f.came)
	leader := s.leader("a.test")
	dead := all[leader]
	if dead == nil {
		t.Fatalf("%q holds the lock", leader)
	}
	dead.signal(syscall.SIGKILL)
	within(t, "it ends", dead.exited)
	began := time.Now()
	f.others(s, all, "web", "a.test")
	eventually(t, "another one has the lock", func() string {
		if name := s.leader("a.test"); name != "" && name != leader {
			return ""
		}
		return "not"
	})
	t.Logf("the lock of the dead instance ended after %v", time.Since(began).Round(time.Millisecond))
	var first *x509.Certificate
	for name, p := range all {
		if p == dead {
			continue
		}
		got := p.waitIssued("a.test", nil)
		if first == nil {
			first = got
		}
		if !got.Equal(first) {
			t.Errorf("%s has a certificate of its own", name)
		}
	}
	t.Logf("all others serve it after %v", time.Since(began).Round(time.Millisecond))
	if orders := strings.Count(server.log.String(), "Added order"); orders != 2 {
		t.Errorf("%d orders; want that of the dead one and one more", orders)
	}
}
