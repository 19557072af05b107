package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nameServer answers questions by UDP from records that the test changes.
type nameServer struct {
	address string

	mu struct {
		sync.Mutex
		records []dns.RR
		rcode   int
	}
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{address: conn.LocalAddr().String()}
	ready, done := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: conn, Handler: n, NotifyStartedFunc: func() { close(ready) }}
	go func() {
		defer close(done)
		if err := server.ActivateAndServe(); err != nil {
			t.Errorf("name server: %v", err)
		}
	}()
	<-ready
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Errorf("name server: %v", err)
		}
		<-done
	})
	return n
}

// say replaces all records.
func (n *nameServer) say(t *testing.T, rcode int, lines ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.rcode, n.mu.records = rcode, nil
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		n.mu.records = append(n.mu.records, rr)
	}
}

// ServeDNS implements dns.Handler.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := new(dns.Msg)
	m.SetRcode(q, n.mu.rcode)
	for _, rr := range n.mu.records {
		h := rr.Header()
		if h.Name == q.Question[0].Name && h.Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	_ = w.WriteMsg(m)
}

// service is the SRV records of backends, with the address of their host.
func service(backends ...*backend) []string {
	lines := []string{"host.test. 0 IN A 127.0.0.1"}
	for _, b := range backends {
		_, port, _ := net.SplitHostPort(b.address)
		lines = append(lines, "_http._tcp.api.test. 0 IN SRV 10 1 "+port+" host.test.")
	}
	return lines
}

// waitMembers waits until the pool has exactly these members, all of them up.
func waitMembers(t *testing.T, p *proxy, want ...*backend) {
	t.Helper()
	eventually(t, "the pool follows the DNS", func() string {
		status := p.pool("p")
		up := map[string]bool{}
		for _, b := range status.Backends {
			up[b.Address] = b.Up
		}
		if len(up) != len(want) {
			return fmt.Sprint(up)
		}
		for _, b := range want {
			if !up[b.address] {
				return fmt.Sprint(up)
			}
		}
		return ""
	})
}

const discovering = header + `
routes: {all: {pool: p}}
pools:
  p:
    health_check: {type: tcp, interval: 1s, timeout: 1s}
    discovery: {dns: {name: _http._tcp.api.test, type: SRV, interval: 50ms, resolver: "{{resolver}}"}}
`

// TestDiscovery goes through the life of a pool that the DNS decides about: found
// at the start, grown, shrunk with a request under way, and kept while the name
// server is in trouble.
func TestDiscovery(t *testing.T) {
	a, b := newBackend(t, nil), newBackend(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-leave
		}
		_, _ = io.WriteString(w, "slow")
	})
	n := newNameServer(t)
	n.say(t, dns.RcodeSuccess, service(slow)...)
	p := start(t, strings.ReplaceAll(discovering, "{{resolver}}", n.address))
	generation := p.metric("isame_config_generation")
	if got := get(t, p.url("/")).wantStatus(t, 200); string(got.body) != "slow" {
		t.Fatalf("the first request was answered %q", got.body)
	}
	finished := make(chan answer, 1)
	go func() {
		r, err := tryExchange(freshClient(), request(t, "GET", p.url("/slow"), ""))
		if err != nil {
			t.Error(err)
		}
		finished <- r
	}()
	within(t, "the slow request arrives", entered)

	n.say(t, dns.RcodeSuccess, service(slow, a)...)
	waitMembers(t, p, slow, a)
	n.say(t, dns.RcodeSuccess, service(a, b)...)
	waitMembers(t, p, a, b)
	before := slow.requests.Load()
	for range 20 {
		get(t, p.url("/")).wantStatus(t, 200)
	}
	if slow.requests.Load() != before || a.requests.Load() == 0 || b.requests.Load() == 0 {
		t.Errorf("requests: %d to the one that is gone, %d and %d to the others", slow.requests.Load()-before, a.requests.Load(), b.requests.Load())
	}
	close(leave)
	if got := <-finished; got.status != 200 || string(got.body) != "slow" {
		t.Errorf("the request under way was answered %d %q", got.status, got.body)
	}
	if got := p.metric("isame_config_generation"); got != generation {
		t.Errorf("generation went from %v to %v: nobody changed the configuration", generation, got)
	}
	for _, rcode := range []int{dns.RcodeServerFailure, dns.RcodeNameError, dns.RcodeSuccess} {
		n.say(t, rcode)
		eventually(t, "the failure is shown", func() string {
			if d := p.pool("p").Discovery; d.Failures < 2 || d.Found != 2 || d.Resolved == nil {
				return fmt.Sprintf("%+v", d)
			}
			return ""
		})
		waitMembers(t, p, a, b)
		get(t, p.url("/")).wantStatus(t, 200)
		n.say(t, dns.RcodeSuccess, service(a, b)...)
		eventually(t, "the failure is over", func() string {
			if d := p.pool("p").Discovery; d.Failures > 0 || d.Error != "" {
				return fmt.Sprintf("%+v", d)
			}
			return ""
		})
	}
}

// TestDiscoveryThatComesLate starts while there is no name server.
func TestDiscoveryThatComesLate(t *testing.T) {
	n := newNameServer(t)
	n.say(t, dns.RcodeServerFailure)
	p := start(t, strings.ReplaceAll(discovering, "{{resolver}}", n.address))
	if a := get(t, p.url("/")).wantStatus(t, 503); a.header.Get("X-Isame-Error") != "no_backends" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %v", a.header)
	}
	b := newBackend(t, nil)
	n.say(t, dns.RcodeSuccess, service(b)...)
	waitMembers(t, p, b)
	get(t, p.url("/")).wantStatus(t, 200)
}

// TestAllBackendsDie has the default panic_threshold: nobody who is there is kept
// from serving, but nobody is called who is not.
func TestAllBackendsDie(t *testing.T) {
	all := newBackends(t, 3)
	p := start(t, header+`
routes: {all: {pool: p, retry: {attempts: 3}}}
pools:
  p:
    health_check: {type: tcp, interval: 1s, timeout: 1s}
    backends: `+members(all...)+"\n")
	for i := range all {
		waitUp(t, p, i, true, "")
	}
	for _, b := range all {
		b.stop()
	}
	began := time.Now()
	eventually(t, "the pool is found dead", func() string {
		a := get(t, p.url("/"))
		if a.status == 503 && a.header.Get("X-Isame-Error") == "no_healthy_backend" && a.header.Get("Retry-After") == "1" {
			return ""
		}
		return fmt.Sprint(a.status, a.header)
	})
	t.Logf("503 after %v", time.Since(began))
	if got := p.pool("p"); got.Healthy != 0 || !hasLive(got) {
		t.Errorf("got %+v; want nobody up, and live traffic among the reasons", got)
	}
	all[1].revive()
	began = time.Now()
	eventually(t, "one that is back serves", func() string {
		if a := get(t, p.url("/")); a.status != 200 {
			return fmt.Sprint(a.status, a.header)
		}
		return ""
	})
	t.Logf("200 after %v", time.Since(began))
}

func hasLive(s poolStatus) bool {
	for _, b := range s.Backends {
		for _, probe := range b.Probes {
			if probe.Live {
				return true
			}
		}
	}
	return false
}

// TestBackendsAreAddedAndRemoved changes a pool by the API; a backend that is
// added serves after its first good probe, and not before.
func TestBackendsAreAddedAndRemoved(t *testing.T) {
	a := newBackend(t, nil)
	b, health := probed(t)
	bad := "!down"
	good := health.Swap(&bad)
	p := start(t, header+`
routes: {all: {pool: p}}
pools:
  p:
    health_check: {type: http, path: /healthz, interval: 200ms, timeout: 200ms, expect_status: [200, 404]}
    backends: `+members(a)+"\n")
	at := "http://" + p.admin + "/api/v1/pools/p/backends"
	for _, add := range []struct {
		weight string
		want   int
	}{{"9", 200}, {"9", 200}, {"8", 409}} { // the answer to the first one may have been lost
		body := `{"address":"` + b.address + `","weight":` + add.weight + `}`
		exchange(t, request(t, "POST", at, body, "Content-Type", "application/json")).wantStatus(t, add.want)
	}
	if bad := exchange(t, request(t, "POST", at, `{"address":":0"}`, "Content-Type", "application/json")).wantStatus(t, 422); !strings.Contains(string(bad.body), "address") {
		t.Errorf("refused with %s; want the reason", bad.body)
	}
	waitUp(t, p, 1, false, "")
	before := a.requests.Load()
	for range 10 {
		get(t, p.url("/")).wantStatus(t, 200)
	}
	if a.requests.Load() < before+10 {
		t.Error("a backend without a good probe was used")
	}
	health.Store(good)
	waitUp(t, p, 1, true, "")
	exchange(t, request(t, "DELETE", at+"/"+a.address, "")).wantStatus(t, 200)
	if got := p.pool("p"); got.Members != 1 || got.Backends[0].Address != b.address {
		t.Errorf("after the removal: %+v", got)
	}
	get(t, p.url("/")).wantStatus(t, 200)
	exchange(t, request(t, "DELETE", at+"/"+a.address, "")).wantStatus(t, 404)
}
