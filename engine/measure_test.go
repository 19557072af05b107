package engine

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// want has a sample become what it should be.
func (r *rig) wants(name, want string) {
	r.t.Helper()
	eventually(r.t, func() string { return name + " " + want + "; got " + r.sample(name) }, func() bool { return r.sample(name) == want })
}

// TestMetricsTellWhereTimeWent looks at what one client and two backends, of which one is
// gone, leave behind.
func TestMetricsTellWhereTimeWent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	_ = l.Close()
	address := backend(t, echo)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  all: {pool: p, hedge: {after: 10s}}
  lost: {path_prefix: /lost, pool: gone}
  said: {path: /said, respond: {status: 204}}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  gone: {backends: [{address: "`+gone+`"}]}
`, address)
	for _, name := range []string{
		`isame_responses_total{route="all",class="5xx"}`, `isame_retries_total{route="all",reason="connect_failure"}`,
		`isame_retries_total{route="all",reason="hedge"}`, `isame_retries_refused_total{route="lost",reason="budget"}`,
		`isame_hedges_total{route="all",result="won"}`, `isame_backend_responses_total{pool="p",backend="` + address + `",class="2xx"}`,
		`isame_backend_errors_total{pool="gone",backend="` + gone + `",cause="connect_refused"}`,
		`isame_connections_failed_total{listener="web",reason="quic_handshake"}`,
	} {
		r.wants(name, "0")
	}
	for _, name := range []string{`isame_hedges_total{route="lost",result="won"}`, `isame_retries_total{route="said",reason="reset"}`} {
		if got := r.sample(name); got != "" {
			t.Errorf("%s is there, and can never count: got %s", name, got)
		}
	}
	c := r.dial()
	for range 3 {
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		c.receive("GET")
	}
	c.send("BREW /lost HTTP/1.1\r\nHost: t\r\n\r\n")
	c.receive("BREW")
	for name, want := range map[string]string{
		`isame_responses_total{route="all",class="2xx"}`: "3", `isame_responses_total{route="lost",class="5xx"}`: "1",
		`isame_phase_duration_seconds_count{phase="accept"}`: "1", `isame_phase_duration_seconds_count{phase="connect"}`: "1",
		`isame_phase_duration_seconds_count{phase="first_byte"}`: "3", `isame_phase_duration_seconds_count{phase="relay"}`: "3",
		`isame_backend_connect_seconds_count{pool="p",backend="` + address + `"}`:                "1",
		`isame_backend_first_byte_seconds_count{pool="p",backend="` + address + `"}`:             "3",
		`isame_request_methods_total{protocol="HTTP/1.1",method="GET"}`:                          "3",
		`isame_request_methods_total{protocol="HTTP/1.1",method="other"}`:                        "1",
		`isame_connections_accepted_total{listener="web"}`:                                       "1",
		`isame_backend_responses_total{pool="gone",backend="` + gone + `",class="none"}`:         r.sample(`isame_backend_errors_total{pool="gone",backend="` + gone + `",cause="connect_refused"}`),
		`isame_backend_errors_total{pool="p",backend="` + address + `",cause="connect_refused"}`: "0",
	} {
		r.wants(name, want)
	}
}

// TestClientsAndQueuesAreWaitedFor has a request whose content is late hold the only slot.
func TestClientsAndQueuesAreWaitedFor(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}], concurrency: {max_requests: 1, max_queue: 5, queue_timeout: 20s}}}
`, backend(t, echo))
	late, next := r.dial(), r.dial()
	late.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab")
	r.wants(`isame_concurrency_inflight{pool="p"}`, "1")
	next.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	r.wants(`isame_queue_length{pool="p"}`, "1")
	late.send("cd")
	late.receive("POST")
	next.receive("GET")
	for _, name := range []string{
		`isame_phase_duration_seconds_count{phase="client"}`, `isame_phase_duration_seconds_count{phase="queue"}`, `isame_queue_wait_seconds_count{pool="p"}`,
	} {
		r.wants(name, "1")
	}
}

// TestHandshakesAreCounted has two over QUIC, one without a protocol that both speak, and one
// over TCP.
func TestHandshakesAreCounted(t *testing.T) {
	r := start(t, h3Text(t), backend(t, echo))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	front := r.engine.Listeners()[0].Bound
	wrong := h3TLS()
	wrong.NextProtos = []string{"nothing"}
	if q, err := quic.DialAddr(ctx, front, wrong, nil); err == nil {
		_ = q.CloseWithError(0, "")
		t.Fatal("a protocol that nobody speaks was agreed on")
	}
	const failed = `isame_connections_failed_total{listener="web",reason="quic_handshake"}`
	r.wants(failed, "1")
	q, err := quic.DialAddr(ctx, front, h3TLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const quick = `isame_tls_handshakes_total{listener="web",version="1.3",group="X25519MLKEM768"}`
	r.wants(quick, "1")
	_ = q.CloseWithError(0, "")
	eventually(t, func() string { return "the connection is gone" }, func() bool { return r.sample(`isame_connections{listener="web",state="idle"}`) == "0" })
	r.wants(failed, "1")
	over, err := tls.Dial("tcp", front, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = over.Close() }()
	r.wants(quick, "2")
	r.wants(`isame_phase_duration_seconds_count{phase="tls"}`, "1")
}

// TestCountStage counts by labels, and beyond max_series as other; what was counted stays
// over a reload, also one with a lower bound.
func TestCountStage(t *testing.T) {
	const text = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {middleware: [told, plain], respond: {status: 204}}}
middleware:
  told: {type: count, labels: {tier: "{header.Tier}", method: "{method}"}, max_series: 2}
  plain: {type: count}
`
	r := start(t, text, "")
	r.wants(`isame_custom_requests_total{name="plain"}`, "0")
	ask := func(tiers ...string) {
		for _, tier := range tiers {
			r.ask("GET", "/", "Tier: "+tier)
		}
	}
	ask("gold", "silver", "gold", "tin", "lead")
	counts := func(gold, silver, other, all string) {
		t.Helper()
		r.wants(`isame_custom_requests_total{name="told",method="GET",tier="gold"}`, gold)
		r.wants(`isame_custom_requests_total{name="told",method="GET",tier="silver"}`, silver)
		r.wants(`isame_custom_requests_total{name="told",method="other",tier="other"}`, other)
		r.wants(`isame_custom_requests_total{name="plain"}`, all)
	}
	counts("2", "1", "2", "5")
	r.apply(strings.Replace(text, "max_series: 2", "max_series: 1", 1), "")
	ask("gold", "silver", "zinc")
	counts("3", "2", "3", "8")
}
