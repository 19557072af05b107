package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fate is something that goes wrong, and the word for it.
type fate struct {
	name, path, cause string
	status            int
	// ask sends the request; nil is a client that waits for its answer.
	ask func(t *testing.T, p *proxy, path, id string)
	// also is what isame-ctl why says beside.
	also string
}

// fates are in this order, as some lead to the next.
var fates = []fate{
	{"nobody listens", "/dead", "connect_refused", 502, nil, "Nobody listens at the backend's address"},
	{"all are switched off", "/off", "no_backend_enabled", 503, nil, "No backend of the pool is enabled."},
	{"no answer in time", "/late", "timeout", 504, nil, "in time"},
	{"the client leaves", "/slow", "client_gone", 499, leaveSoon, "It is the client's doing."},
	{"above the limit", "/limited", "rate_limited", 429, nil, "rate_limit"},
	{"what trips the breaker", "/breaks", "connect_refused", 502, nil, "the circuit breaker of"},
	{"the breaker is open", "/breaks", "circuit_open", 503, nil, "The backends have failed in a row."},
	{"cut by a drain", "/slow", "drained", 503, removeListener, "without an answer: drained."},
}

// fatesConfig is what leads to them. second is the listener that is removed.
func fatesConfig(log, second string, dead, slow, off *backend) string {
	trusting := `trusted_proxies: [127.0.0.1]`
	if second != "" {
		second = `, second: {address: "127.0.0.1:0", ` + trusting + `}`
	}
	return `
listeners: {web: {address: "127.0.0.1:0", ` + trusting + `}` + second + `}
admin: {address: "127.0.0.1:0"}
shutdown: {drain: 300ms}
log: {access: {enabled: true, file: ` + log + `, fields: [request_id, status, cause, path]}}
middleware: {limit: {type: rate_limit, rate: 1, per: 1h, burst: 1}}
routes:
  dead: {path: /dead, pool: dead}
  off: {path: /off, pool: off}
  late: {path: /late, pool: slow, timeout: 100ms}
  slow: {path: /slow, pool: slow}
  limited: {path: /limited, middleware: [limit], respond: {status: 204}}
  breaks: {path: /breaks, pool: breaks, retry: {attempts: 1}}
pools:
  dead: {backends: ` + members(dead) + `}
  off: {backends: ` + members(off) + `}
  slow: {backends: ` + members(slow) + `}
  breaks: {backends: ` + members(dead) + `, circuit_breaker: {failures: 1, open_for: 1h, max_ejected_percent: 100}}
`
}

// beginSlow sends a request to an address, and returns when its backend works on it.
func (p *proxy) beginSlow(address, path, id string) net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: t\r\nX-Request-Id: "+id+"\r\n\r\n")
	eventually(p.t, "the request is under way", func() string {
		if n := p.metric("isame_backend_inflight", "pool", "slow"); n != 1 {
			return fmt.Sprint(n)
		}
		return ""
	})
	return c
}

// leaveSoon sends a request and leaves before the answer.
func leaveSoon(_ *testing.T, p *proxy, path, id string) {
	_ = p.beginSlow(p.address(), path, id).Close()
}

// TestOneCauseIsToldAlike: whatever goes wrong, isame-ctl why, the dashboard's list of requests,
// the line of the access log, the metric and the header of the answer have one word for it.
func TestOneCauseIsToldAlike(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	dead, off := newBackend(t, nil), newBackend(t, nil)
	dead.stop()
	slow := newBackend(t, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	p := start(t, fatesConfig(log, "second", dead, slow, off))
	p.send(http.MethodPatch, "/api/v1/pools/off/backends/"+off.address, `{"state":"disabled"}`).wantStatus(t, 200)
	get(t, p.url("/limited")).wantStatus(t, 204)
	b := openTab(t, p.admin)
	b.open("requests", "Requests")
	for i, f := range fates {
		t.Run(f.name, func(t *testing.T) {
			id := fmt.Sprintf("fate-%d", i)
			if f.ask == nil {
				if a := get(t, p.url(f.path), "X-Request-Id", id).wantStatus(t, f.status); a.header.Get("X-Isame-Error") != f.cause {
					t.Errorf("X-Isame-Error: got %q; want %s", a.header.Get("X-Isame-Error"), f.cause)
				}
			} else {
				f.ask(t, p, f.path, id)
			}
			said := ""
			eventually(t, "isame-ctl why knows it", func() string {
				code, out := ctl(t, p.admin, "why", id)
				if said = strings.Join(strings.Fields(out), " "); code != 0 {
					return out
				}
				return ""
			})
			if !strings.Contains(said, fmt.Sprintf("%s: %d %s,", f.path, f.status, f.cause)) || !strings.Contains(said, f.also) {
				t.Errorf("why says\n%s\nwant %d %s, and %q", said, f.status, f.cause, f.also)
			}
			f.isLogged(t, log, id)
			if p.metric("isame_ends_total", "cause", f.cause) == 0 {
				t.Errorf("isame_ends_total does not count %s", f.cause)
			}
			b.t = t
			b.write("main select", "errors")
			b.click("//main", "Filter")
			b.sees(fmt.Sprintf(`[...document.querySelectorAll("main [role=row], main tr")].some((r) => r.innerText.includes(%q) && r.innerText.includes("%d") && r.innerText.includes(%q))`,
				f.path, f.status, f.cause))
		})
	}
	b.t = t
	b.shoot("causes")
}

// isLogged checks the line of the access log.
func (f *fate) isLogged(t *testing.T, file, id string) {
	t.Helper()
	eventually(t, "a line of "+id, func() string {
		text, err := os.Open(file)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = text.Close() }()
		for lines := bufio.NewScanner(text); lines.Scan(); {
			var line struct {
				ID     string `json:"request_id"`
				Status int    `json:"status"`
				Cause  string `json:"cause"`
			}
			if json.Unmarshal(lines.Bytes(), &line) != nil || line.ID != id {
				continue
			}
			if line.Status != f.status || line.Cause != f.cause {
				t.Errorf("the log says %d %s; want %d %s", line.Status, line.Cause, f.status, f.cause)
			}
			return ""
		}
		return "none"
	})
}

// removeListener has a reload remove the listener under a request, whose time to drain is short.
func removeListener(t *testing.T, p *proxy, path, id string) {
	t.Helper()
	c := p.beginSlow(p.addressOf("second"), path, id)
	file, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(file), ", second:")
	_, behind, _ := strings.Cut(rest, "\n")
	p.reload(before+"}\n"+behind, "applied")
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, c)
}
