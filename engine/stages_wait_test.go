package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// came counts what a stage has made of requests.
func (r *rig) came(stage, outcome string) int {
	var text strings.Builder
	r.engine.registry.WriteMetrics(&text, "")
	n := 0
	_, rest, found := strings.Cut(text.String(), fmt.Sprintf("isame_middleware_total{middleware=%q,outcome=%q} ", stage, outcome))
	if found {
		_, _ = fmt.Sscan(rest, &n)
	}
	return n
}

// tarpit lets clients wait for so long behind a stage that counts them.
func tarpit(t *testing.T, wait string) string {
	t.Helper()
	p := newPair(t, tomorrow(), "a.test")
	return fmt.Sprintf(`
listeners:
  quic: {address: "127.0.0.1:0", http3: true, tls: {certificates: [{cert_file: %q, key_file: %q}]}}
  web: {address: "127.0.0.1:0", h2c: true}
routes: {all: {pool: p, middleware: [out, slow]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  out: {type: headers, response: {set: {X-Out: "{status}"}}}
  slow: {type: deny, tarpit: %s, unless: {path: /fast}}
shutdown: {drain: 5s}
`, p.certFile, p.keyFile, wait)
}

// waiting makes sure that so many clients wait, or are about to.
func (r *rig) waiting(n int) {
	r.t.Helper()
	eventually(r.t, func() string { return "clients that wait" }, func() bool { return r.came("out", "passed") == n })
}

func TestClientLeavesWhileAStageWaits(t *testing.T) {
	for name, leave := range map[string]func(web, quic *rig){
		"it closes": func(web, _ *rig) {
			c := web.dial()
			c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
			web.waiting(1)
			_ = c.Close()
		},
		"it resets": func(web, _ *rig) {
			c := web.dial()
			c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhe")
			web.waiting(1)
			breakOff(c.Conn)
		},
		"HTTP/2": func(web, _ *rig) {
			c := web.h2()
			id := c.open(true, to("GET", "/")...)
			web.waiting(1)
			_ = c.fr.WriteRSTStream(id, http2.ErrCodeCancel)
			c.expect("200 ok", c.ask(to("GET", "/fast")...)) // the others are not harmed
		},
		"a tunnel": func(web, _ *rig) {
			c := web.h2()
			c.open(false, connectTo("/")...)
			web.waiting(1)
			_ = c.Close()
		},
		"HTTP/3": func(_, quic *rig) {
			c := quic.h3(noSettings)
			s := c.open(true, section3(":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/"))
			quic.waiting(1)
			s.CancelRead(0x10c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, tarpit(t, "1h"), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, ok)
				}
			}))
			leave(r.at("web"), r.at("quic"))
			eventually(t, func() string { return "it was not noticed: " + r.ends() }, func() bool {
				return r.came("slow", "client_left") == 1 && strings.Contains(r.ends(), "client_gone client admit 1")
			})
			if n := r.came("slow", "answered"); n > 0 {
				t.Errorf("%d were answered; want none", n)
			}
		})
	}
}

func TestDrainWhileAStageWaits(t *testing.T) {
	for _, tc := range []struct {
		name, wait string
		lasts      time.Duration
		want, ends string
		cut        int
	}{
		{"it is waited for", "300ms", 10 * time.Second, "403 close true", "denied proxy admit 1", 0},
		{"it is cut", "1h", 50 * time.Millisecond, "no answer", "drained proxy admit 1", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startToEnd(t, io.Discard, tarpit(t, tc.wait), nobody(t))
			c := r.at("web").dial()
			c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
			r.waiting(1)
			ctx, cancel := context.WithTimeout(t.Context(), tc.lasts)
			defer cancel()
			if cut := r.engine.Shutdown(ctx); cut != tc.cut {
				t.Errorf("%d were cut; want %d", cut, tc.cut)
			}
			got := "no answer"
			if resp, err := http.ReadResponse(c.r, nil); err == nil {
				got = fmt.Sprint(resp.StatusCode, " close ", resp.Close)
				_ = resp.Body.Close()
			}
			if got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			eventually(t, func() string { return "the end " + tc.ends + "; got " + r.ends() }, func() bool { return r.ends() == tc.ends })
		})
	}
}

// An exchange has the stages that it began with.
func TestReloadWhileAStageWaits(t *testing.T) {
	address := mirrorBackend(t)
	text := tarpit(t, "300ms")
	r := start(t, text, address)
	web := r.at("web")
	c, other := web.dial(), web.h2()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /next HTTP/1.1\r\nHost: t\r\n\r\n")
	id := other.open(true, to("GET", "/")...)
	r.waiting(2)
	r.apply(strings.Replace(text, "middleware: [out, slow]", "skip: []", 1), address)
	if a := c.receive("GET"); a.StatusCode != 403 || a.Header.Get("X-Out") != "403" {
		t.Errorf("the one that waited: got %d %v; want 403 with its stages", a.StatusCode, a.Header)
	}
	if a := c.receive("GET"); a.StatusCode != 200 || a.Header.Get("X-Out") != "" {
		t.Errorf("the next one: got %d %v; want 200 without stages", a.StatusCode, a.Header)
	}
	if st := other.answer(id); st.status != 403 || st.header("x-out") != "403" {
		t.Errorf("of HTTP/2: got %d %v; want 403 with its stages", st.status, st.fields)
	}
}

// No exchange has stages of two configurations.
func TestReloadsWhileExchangesPassStages(t *testing.T) {
	address := mirrorBackend(t)
	text := func(generation int) string {
		order := []string{"a, b", "b"}[generation%2]
		text := strings.Replace(h2cListener, "{pool: p}", "{pool: p, middleware: ["+order+"]}", 1)
		return text + fmt.Sprintf(`
middleware:
  a: {type: headers, request: {set: {X-Other: "1"}}}
  b: {type: headers, request: {set: {X-Seen: "%d"}}, response: {set: {X-Back: "%[1]d"}}}
`, generation)
	}
	r := start(t, text(0), address)
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		client := r.h2Client()
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := client.Get("http://a.test/")
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				back := resp.Header.Get("X-Back")
				if resp.StatusCode != 200 || back == "" || !strings.Contains(string(body), "X-Seen: "+back+"\r\n") ||
					strings.Contains(string(body), "X-Other") != strings.ContainsAny(back[len(back)-1:], "02468") {
					t.Errorf("got %d, X-Back %q and\n%s; want the same in both", resp.StatusCode, back, body)
					return
				}
			}
		})
	}
	for generation := 1; generation <= 50; generation++ {
		r.apply(text(generation), address)
	}
	close(stop)
	all.Wait()
}

func TestStagesOfOldAndShortRequests(t *testing.T) {
	r := staged(t, `
out: {type: headers, response: {set: {X-Out: "{status}"}}}
no: {type: deny, status: 404, body: "not here", when: {path: /no}}
slow: {type: deny, tarpit: 10ms, when: {path: /slow}}
`, "middleware: [out, no, slow]")
	for _, tc := range []struct {
		name, request, method string
		want                  string // status, X-Out, Connection and length of each answer
	}{
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET", "200 200 close"},
		{"HTTP/1.0, refused", "GET /no HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "404 404 8 bytes"},
		{"HTTP/1.0, after a while", "GET /slow HTTP/1.0\r\n\r\n", "GET", "403 403 close"},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: t\r\n\r\nHEAD /no HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD", "200 200, 404 404 8 bytes"},
		{"one behind the other", "GET /slow HTTP/1.1\r\nHost: t\r\n\r\nGET /no HTTP/1.1\r\nHost: t\r\n\r\n", "GET", "403 403, 404 404 8 bytes"},
		{"a content that nobody wants", "POST /no HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbodyGET /slow HTTP/1.1\r\nHost: t\r\n\r\n", "GET", "404 404 8 bytes, 403 403"},
		{"a content that comes unasked", "POST /slow HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody", "POST", "403 403 close"},
		{"Expect", "POST /no HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "POST", "404 404 8 bytes close"},
		{"Expect, after a while", "POST /slow HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "POST", "403 403 close"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &rig{t: t, engine: r.engine, address: r.address}
			c := r.dial()
			c.send(tc.request)
			for want := range strings.SplitSeq(tc.want, ", ") {
				a := c.receive(tc.method)
				got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("X-Out"))
				if a.Header.Get("Content-Length") == "8" {
					got += " 8 bytes"
				}
				if a.Close {
					got += " close"
				}
				if got != want {
					t.Errorf("got %q; want %q", got, want)
				}
			}
		})
	}
}

func TestStagesLetTheClientContinue(t *testing.T) {
	text := strings.Replace(plain, "{pool: p}", "{pool: p, middleware: [out]}", 1)
	r := start(t, text+"middleware: {out: {type: headers, response: {set: {X-Out: \"{status}\"}}}}\n", backend(t, echo))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if a := c.receive("POST"); a.StatusCode != 100 || a.Header.Get("X-Out") != "" {
		t.Errorf("got %d %v; want 100 as it came", a.StatusCode, a.Header)
	}
	c.send("body")
	if a := c.receive("POST"); a.StatusCode != 200 || a.Header.Get("X-Out") != "200" || a.body != "body" {
		t.Errorf("got %d %v %q; want 200 with X-Out", a.StatusCode, a.Header, a.body)
	}
}
