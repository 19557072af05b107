package engine

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/explain"
)

// Over TLS: which certificate is shown, what the name of the handshake decides, and which
// protocol the request comes as.
func TestExplainOverTLS(t *testing.T) {
	first, other := newPair(t, time.Now().Add(time.Hour), "first.test"), newPair(t, time.Now().Add(time.Hour), "*.other.test")
	r := start(t, fmt.Sprintf(`
listeners:
  clear: {address: "127.0.0.1:0"}
  web:
    address: "127.0.0.1:0"
    tls: {certificates: [{cert_file: %q, key_file: %q}, {cert_file: %q, key_file: %q}], unknown_sni: refuse, hosts: {admin.other.test: {min_version: "1.3"}}}
routes:
  named: {sni: [a.other.test], pool: p}
  calls: {protocol: [grpc], pool: p}
  two: {protocol: [h2], pool: p}
  rest: {pool: p}
pools: {p: {backends: [{address: "127.0.0.1:9"}]}}
shutdown: {drain: 5s}
`, first.certFile, first.keyFile, other.certFile, other.keyFile), "")
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name  string
		q     explain.Question
		route string // or the cause of an answer, or why the handshake fails
		cert  string
	}{
		{"by the URL", explain.Question{URL: "https://a.other.test/"}, "named", "*.other.test"},
		{"another name", explain.Question{URL: "https://b.other.test/"}, "rest", "*.other.test"},
		{"HTTP/2", explain.Question{URL: "https://b.other.test/", Protocol: "h2"}, "two", "*.other.test"},
		{"gRPC", explain.Question{URL: "https://b.other.test/s/M", Protocol: "grpc"}, "calls", "*.other.test"},
		{"an address", explain.Question{URL: "https://127.0.0.1/", ServerName: text("first.test")}, "rest", "first.test"},
		{"another host's connection", explain.Question{URL: "https://a.other.test/", ServerName: text("first.test")}, "misdirected_request", "first.test"},
		{"other terms", explain.Question{URL: "https://admin.other.test/", ServerName: text("b.other.test")}, "misdirected_request", "*.other.test"},
		{"nobody's name", explain.Question{URL: "https://x.test/"}, "handshake", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := r.explained(c.q)
			got := ""
			switch {
			case e.Certificate == nil:
				t.Fatalf("got %+v; want the listener with TLS", e.Listener)
			case e.Certificate.Refused:
				got = "handshake"
			case e.Reply != nil:
				got = e.Reply.Cause
			case e.Route != nil:
				got = e.Route.Name
			}
			if got != c.route || e.Certificate.Name != c.cert {
				t.Errorf("got %s with %+v; want %s with %s", got, e.Certificate, c.route, c.cert)
			}
			if e.Forward != nil && (e.Request.Scheme != "https" || !hasLine(e.Forward.Fields, "X-Forwarded-Proto", "https")) {
				t.Errorf("got %+v, %v; want https", e.Request, e.Forward.Fields)
			}
		})
	}
	// The handshake itself says the same.
	address := r.engine.Listeners()[1].Bound
	for name, want := range map[string]string{"b.other.test": "*.other.test", "first.test": "first.test", "x.test": ""} {
		got := ""
		if c, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			got = c.ConnectionState().PeerCertificates[0].DNSNames[0]
			_ = c.Close()
		}
		said := r.explained(explain.Question{URL: "https://" + name + "/"}).Certificate
		if got != want || said.Name != want || said.Refused != (want == "") {
			t.Errorf("%s: a handshake shows %q, said is %+v; want %q", name, got, said, want)
		}
	}
}

func hasLine(fields []explain.Field, name, value string) bool {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) && f.Value == value {
			return true
		}
	}
	return false
}

// Stages that would ask somebody are said to be unsure, and nobody is asked.
func TestExplainAsksNobody(t *testing.T) {
	asked := make(chan struct{}, 10)
	service := backend(t, func(http.ResponseWriter, *http.Request) { asked <- struct{}{} })
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [auth, login, chance, twice]}}
pools: {p: {backends: [{address: "`+service+`"}]}, q: {backends: [{address: "`+service+`"}]}}
middleware:
  auth: {type: forward_auth, url: "http://`+service+`/check?token=t0p"}
  login: {type: basic_auth, users: ["a:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"]}
  chance: {type: fault, percent: 50, abort: 503}
  twice: {type: mirror, pool: q, percent: 100}
shutdown: {drain: 5s}
`, "")
	e := r.explained(explain.Question{URL: "test/", Fields: lines("Authorization: Basic YTpi")})
	var outcomes []string
	for _, s := range e.Stages {
		outcomes = append(outcomes, s.Name+" "+s.Outcome)
	}
	if got, want := strings.Join(outcomes, ", "), "auth unsure, login unsure, chance unsure, twice passes"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if e.Forward == nil || e.Forward.Mirror == "" || hasLine(e.Forward.Fields, "Authorization", "Basic YTpi") {
		t.Errorf("got %+v; want a request with a copy, and without the password", e.Forward)
	}
	if says := e.Stages[0].Says; !strings.Contains(says, "http://"+service+"/check") || strings.Contains(says, "t0p") {
		t.Errorf("got %q; want the service without its query", says)
	}
	if a := r.explained(explain.Question{URL: "test/"}).Reply; a == nil || a.Status != http.StatusUnauthorized || a.By != "stage login" {
		t.Errorf("got %+v; want 401: there is no password", a)
	}
	select {
	case <-asked:
		t.Error("somebody was asked")
	default:
	}
}
