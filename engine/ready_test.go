package engine

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// slowResolver is a name server that answers nothing before its test says so, and then
// what say makes of each question.
func slowResolver(t *testing.T, say func(*dns.Msg)) (address string, answer func()) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	released, began := make(chan struct{}), make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(began) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		<-released
		m := new(dns.Msg)
		m.SetReply(q)
		say(m)
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.ActivateAndServe()
	}()
	<-began
	t.Cleanup(func() {
		select {
		case <-released:
		default:
			close(released)
		}
		_ = s.Shutdown()
		<-done
	})
	return pc.LocalAddr().String(), func() { close(released) }
}

const discoveredText = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {discovery: {dns: {name: api.test., port: PORT, interval: 10s, resolver: "RESOLVER"}}, health_check: {type: tcp}}}
shutdown: {drain: 5s}
`

// TestReadyWaitsForTheFirstAnswer: no traffic is asked for before there is somebody to
// send it to, and the first request after that is served.
func TestReadyWaitsForTheFirstAnswer(t *testing.T) {
	_, port, err := net.SplitHostPort(backend(t, echo))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		say  func(*dns.Msg)
		want int
	}{
		{"an answer", func(m *dns.Msg) {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(127, 0, 0, 1)})
		}, http.StatusOK},
		{"a failure", func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, http.StatusServiceUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resolver, answer := slowResolver(t, tc.say)
			r := start(t, strings.NewReplacer("PORT", port, "RESOLVER", resolver).Replace(discoveredText), "")
			if ready, reason := r.engine.Ready(); ready || reason != "waits for the first answer about api.test." {
				t.Errorf("ready %v, %q before the resolver has said anything", ready, reason)
			}
			answer()
			eventually(t, func() string { return "the proxy is ready" }, func() bool {
				ready, _ := r.engine.Ready()
				return ready
			})
			if a := r.dial().get("/"); a.StatusCode != tc.want {
				t.Errorf("the first request: got %d; want %d", a.StatusCode, tc.want)
			}
			silent, _ := slowResolver(t, tc.say)
			r.apply(strings.NewReplacer("PORT", port, "RESOLVER", silent).Replace(discoveredText), "")
			if ready, reason := r.engine.Ready(); !ready {
				t.Errorf("a reload took it back: %s", reason)
			}
		})
	}
}
