package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func responding(status int) string {
	return header + fmt.Sprintf("routes: {all: {respond: {status: %d}}}\n", status)
}

func TestReloadBySignal(t *testing.T) {
	p := start(t, responding(201))
	get(t, p.url("/")).wantStatus(t, 201)
	before := p.metric("isame_config_generation")
	p.reload(responding(202), "applied")
	get(t, p.url("/")).wantStatus(t, 202)
	if after := p.metric("isame_config_generation"); after <= before {
		t.Errorf("isame_config_generation: got %v after %v; want it to rise", after, before)
	}
}

func TestReloadByFileChange(t *testing.T) {
	p := start(t, responding(201))
	for _, status := range []int{202, 203} { // twice: the watch must survive a replaced file
		replaceFile(t, p.file, responding(status))
		eventually(t, "the changed file is applied", func() string {
			if got := get(t, p.url("/")).status; got != status {
				return strconv.Itoa(got)
			}
			return ""
		})
	}
}

func TestReloadByAPI(t *testing.T) {
	p := start(t, responding(201))
	replaceFile(t, p.file, responding(202))
	if a := exchange(t, request(t, http.MethodPost, "http://"+p.admin+"/api/v1/reload", "", "Content-Type", "application/json")); a.status >= 300 {
		t.Fatalf("reload: got status %d: %s", a.status, a.body)
	}
	get(t, p.url("/")).wantStatus(t, 202)
}

func TestBadReloadKeepsTheRunningOne(t *testing.T) {
	p := start(t, responding(201))
	generation := p.metric("isame_config_generation")
	for _, c := range []struct{ name, text, want string }{
		{"mistake", responding(201) + "rotues: {}\n", "did you mean"},
		{"empty", "", ""},
		{"binary", "\x00\xff\x1b", ""},
		{"half written", "listeners: {web: {addr", ""},
		{"port in use", strings.Replace(responding(201), "{web: ", `{second: {address: "`+p.admin+`"}, web: `, 1), "in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.reload(c.text, "rejected")
			get(t, p.url("/")).wantStatus(t, 201)
			if got := p.metric("isame_config_generation"); got != generation {
				t.Errorf("isame_config_generation: got %v; want %v", got, generation)
			}
			if !strings.Contains(p.log.String(), c.want) {
				t.Errorf("the log does not say %q", c.want)
			}
		})
	}
	p.reload(responding(204), "applied")
	get(t, p.url("/")).wantStatus(t, 204)
}

// TestReloadUnderLoad reloads twenty times while clients work; weights, routes
// and members change, no exchange fails, counters do not restart.
func TestReloadUnderLoad(t *testing.T) {
	b := newBackends(t, 3)
	text := func(n int) string {
		active := []*backend{b[n%3], b[(n+1)%3]}
		return header + fmt.Sprintf(`
routes:
  all: {pool: p}
  extra%d: {path: /extra, respond: {status: 204}}
pools: {p: {backends: %s}}
`, n, members(active...))
	}
	p := start(t, text(0))
	stopLoad := load(t, p.url("/"))
	total := 0.0
	for n := range 20 {
		p.reload(text(n+1), "applied")
		now := p.metric("isame_requests_total", "route", "all")
		if now < total {
			t.Errorf("isame_requests_total fell from %v to %v at reload %d", total, now, n)
		}
		total = now
	}
	stopLoad()
	if total == 0 {
		t.Error("no request was counted")
	}
}

// TestReloadKeepsExchangesAndConnections holds an exchange over a reload that
// removes its route.
func TestReloadKeepsExchangesAndConnections(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = fmt.Fprint(w, "old world")
	})
	p := start(t, toPool(b))
	c := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	within(t, "the request arrives", arrived)
	p.reload(responding(204), "applied")
	get(t, p.url("/")).wantStatus(t, 204)
	close(release)
	if a := c.response("GET").wantStatus(t, 200); string(a.body) != "old world" {
		t.Errorf("got %q; want the answer of the old backend", a.body)
	}
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response("GET").wantStatus(t, 204)
}

func TestReloadAddsAndRemovesListeners(t *testing.T) {
	p := start(t, responding(201))
	socket := shortSocket(t)
	p.reload(strings.Replace(responding(201), "{web: ", `{extra: {address: "unix:`+socket+`"}, web: `, 1), "applied")
	if got := curl(t, "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket, "http://a/"); got != "201" {
		t.Errorf("new listener: got %s; want 201", got)
	}
	get(t, p.url("/")).wantStatus(t, 201)
	p.reload(responding(201), "applied")
	eventually(t, "the removed listener refuses", func() string {
		if _, err := dialUnix(socket); err == nil {
			return "accepting"
		}
		return ""
	})
	get(t, p.url("/")).wantStatus(t, 201)
}
