package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
)

// recorded is the newest record of a path, once there is one.
func (r *rig) recorded(path string) records.View {
	r.t.Helper()
	var v records.View
	eventually(r.t, func() string { return "a record of " + path }, func() (found bool) {
		v, found = r.known(path)
		return found
	})
	return v
}

// known is the newest record of a path; false where there is none.
func (r *rig) known(path string) (records.View, bool) {
	r.t.Helper()
	a, err := r.engine.Recorder().Find(&records.Query{Limit: 10_000})
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range a.Records {
		if a.Records[i].Path == path {
			return a.Records[i], true
		}
	}
	return records.View{}, false
}

// recorderText is plain with a recorder, and more of its route.
func recorderText(limits, more string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes: {all: {pool: p` + more + `}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
recorder: {` + limits + `}
shutdown: {drain: 5s}
`
}

// story is what a record says, in one line.
func story(v *records.View) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d %v %v", v.Status, v.End, v.Phase)
	for i := range v.Tries {
		t := &v.Tries[i]
		fmt.Fprintf(&text, "; %d: %v %d", t.Place, t.End, t.Status)
		if t.Reused {
			text.WriteString(" reused")
		}
		if t.Rival {
			text.WriteString(" rival")
		}
		if t.Won {
			text.WriteString(" won")
		}
		for at, word := range []string{" trial", " opened", " closed"} {
			if t.Breaker>>at&1 != 0 {
				text.WriteString(word)
			}
		}
	}
	if v.Refusal != "" {
		text.WriteString("; no " + v.Refusal)
	}
	return text.String()
}

// startAlone is start with one shard, whose rings have all there is.
func startAlone(t *testing.T, text, backend string) *rig {
	t.Helper()
	r := startToEnd(t, io.Discard, text, backend)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.engine.Shutdown(ctx)
	})
	return r
}

// troubled is a backend that goes wrong as the path says.
func troubled(_ int64, c net.Conn, in *bufio.Reader) {
	for q := readHead(in); q != nil; q = readHead(in) {
		switch q.URL.Path {
		case "/reset":
			breakOff(c)
			return
		case "/nonsense":
			_, _ = io.WriteString(c, "SSH-2.0\r\n\r\n")
			return
		case "/late":
			_, _ = in.Peek(1)
			return
		case "/short":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			breakOff(c)
			return
		case "/busy":
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
		default:
			_, _ = io.WriteString(c, ok)
		}
	}
}

// A request that ends by each of several causes is explained rightly, although many others
// have come since.
func TestErrorsOutliveManyRequests(t *testing.T) {
	text := recorderText("records: 256, keep_errors: 256, keep_slow: 0", ", timeout: 200ms, retry: {attempts: 1}")
	r := startAlone(t, text, scripted(t, troubled))
	cases := []struct{ path, want string }{
		{"/fine", ""}, // forgotten
		{"/reset", "502 reset answer; 1: reused_connection_died 0 reused; 2: reset 0"},
		{"/nonsense", "502 bad_response answer; 1: bad_response 0"},
		{"/late", "504 timeout answer; 1: timeout 0"},
		{"/short", "200 truncated relay; 1: truncated 200"},
		{"/busy", "503 ok done; 1: ok 503"},
		{"/none%2", "400 bad_path route"},
	}
	for _, tc := range cases {
		c := r.dial()
		c.send("GET " + tc.path + "?secret=1 HTTP/1.1\r\nHost: a.test:80\r\nX-Request-Id: id-of" + tc.path + "\r\n\r\n")
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatalf("%s: %v", tc.path, err)
		}
		r.recorded(tc.path)
		_ = c.Close()
	}
	c := r.dial()
	for range 600 {
		c.get("/many")
	}
	if v, there := r.known("/fine"); there {
		t.Errorf("got %+v; want it forgotten: 600 have come since", v)
	}
	for _, tc := range cases[1:] {
		v := r.recorded(tc.path)
		if got := story(&v); got != tc.want {
			t.Errorf("%s: got %q; want %q", tc.path, got, tc.want)
		}
		if v.ID != "id-of"+tc.path || v.Method != "GET" || v.Host != "a.test:80" || v.Client.String() != "127.0.0.1" ||
			v.Listener != "web" || v.Generation != 1 || v.Version != records.HTTP11 || v.In == 0 || v.Out == 0 || v.Secure || v.Tunnel {
			t.Errorf("%s: got %+v", tc.path, v)
		}
		if routed := tc.path != "/none%2"; (v.Route == "all") != routed || (v.Pool == "p") != routed {
			t.Errorf("%s: got route %q, pool %q", tc.path, v.Route, v.Pool)
		}
	}
}

// The slowest of its second is found when many have come since.
func TestSlowOnesOutliveManyRequests(t *testing.T) {
	goOn := make(chan struct{})
	r := startAlone(t, recorderText("records: 256, keep_errors: 0, keep_slow: 16", ""), backend(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			<-goOn
		}
		_, _ = io.WriteString(w, "ok")
	}))
	slow, c := r.dial(), r.dial()
	slow.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
	for range 300 {
		c.get("/fast")
	}
	close(goOn)
	slow.receive("GET")
	r.recorded("/slow")
	for range 300 {
		c.get("/fast")
	}
	eventually(t, func() string { return "the slow one, in the ring of slow ones" }, func() bool {
		c.get("/fast") // the first one behind the end of the second shows what was slowest in it
		_, there := r.known("/slow")
		return there
	})
}

// Retries show each attempt, and what stood against another one.
func TestRecordsHaveTheirAttempts(t *testing.T) {
	broken := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) { readHead(in); breakOff(c) })
	fine := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			_, _ = io.WriteString(c, ok)
		}
	})
	pools := func(route string, backends ...string) string {
		return "listeners: {web: {address: \"127.0.0.1:0\"}}\nroutes: {all: {pool: p" + route + "}}\n" +
			"pools: {p: {backends: [{address: \"" + strings.Join(backends, "\"}, {address: \"") + "\"}]}}\n"
	}
	for _, tc := range []struct{ name, text, request, want string }{
		{
			"second backend", pools(", retry: {attempts: 3, backoff: {initial: 1ms}}", broken, fine),
			"GET /x HTTP/1.1\r\nHost: t\r\n\r\n", "200 ok done; 1: reset 0; 2: ok 200",
		},
		{
			"all fail", pools(", retry: {attempts: 6, backoff: {initial: 1ms}, budget: {percent: 100, min_per_second: 100}}", broken, nobody(t)),
			"GET /x HTTP/1.1\r\nHost: t\r\n\r\n", "",
		},
		{
			"no budget", pools(", retry: {attempts: 3, budget: {percent: 0, min_per_second: 0}}", broken),
			"GET /x HTTP/1.1\r\nHost: t\r\n\r\n", "502 reset answer; 1: reset 0; no budget",
		},
		{
			"no time", pools(", timeout: 1s, retry: {attempts: 3, backoff: {initial: 10s, max: 10s, jitter: 0}}", broken),
			"GET /x HTTP/1.1\r\nHost: t\r\n\r\n", "502 reset answer; 1: reset 0; no deadline",
		},
		{
			"not repeated", pools(", retry: {attempts: 3}", broken),
			"POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", "502 reset answer; 1: reset 0",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, tc.text, "")
			c := r.dial()
			c.send(tc.request)
			c.receive("GET")
			v := r.recorded("/x")
			if tc.want == "" {
				if v.Tried != 6 || len(v.Tries) != 4 || v.Tries[3].Place != 6 || v.Tries[3].Began < v.Tries[2].Began || v.Tries[0].Backend == v.Tries[1].Backend {
					t.Errorf("got %+v; want the first three of six attempts, and the last", v)
				}
				return
			}
			if got := story(&v); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			if last := v.Tries[len(v.Tries)-1]; v.Took < last.Began+last.Answer-time.Millisecond || last.Backend == "" || v.Admit > v.Took {
				t.Errorf("got %+v; want times that fit", v)
			}
		})
	}
}

// An idle connection that is used again has an age, and one that dies is seen to die.
func TestRecordsTellOldConnections(t *testing.T) {
	r := start(t, plain, scripted(t, diesOnSecond))
	c := r.dial()
	c.get("/first")
	c.get("/second")
	v := r.recorded("/second")
	if got := story(&v); got != "200 ok done; 1: reused_connection_died 0 reused; 2: ok 200" || v.Tries[0].Idle <= 0 || v.Tries[1].Idle != 0 {
		t.Errorf("got %q, %+v", got, v.Tries)
	}
}

func TestRecordsTellRivals(t *testing.T) {
	for _, tc := range []struct {
		winner       int // backend; round robin asks 0 first
		want, result string
	}{
		{0, "200 ok done; 1: ok 200; 2: outrun 0 rival", "lost"},
		{1, "200 ok done; 1: outrun 0; 2: ok 200 rival won", "won"},
	} {
		h := startHedge(t, "after: 10ms")
		c := h.dial()
		c.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
		eventually(t, func() string { return "both asked" }, func() bool { return h.waiting.Load() == 2 })
		h.free[tc.winner] <- struct{}{}
		c.receive("GET")
		v := h.recorded("/slow")
		if got := story(&v); got != tc.want {
			t.Errorf("got %q; want %q", got, tc.want)
		}
		if v.Tried != 2 || v.Rivals != 1 || v.Tries[1].Began < 10*time.Millisecond || v.Tries[0].Backend == v.Tries[1].Backend {
			t.Errorf("got %+v", v)
		}
		h.settled(t, tc.result, "1")
	}
}

// Requests of HTTP/2 and HTTP/3 are recorded like all others.
func TestRecordsOfStreams(t *testing.T) {
	t.Run("HTTP/2", func(t *testing.T) {
		r := start(t, h2cListener, backend(t, echo))
		resp, err := r.h2Client().Get("http://a.test/two")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if v := r.recorded("/two"); v.Version != records.HTTP2 || v.Secure || v.Host != "a.test" || story(&v) != "200 ok done; 1: ok 200" {
			t.Errorf("got %+v", v)
		}
		r.h2().ask(to("GET", "/none%2")...)
		if v := r.recorded("/none%2"); v.Version != records.HTTP2 || story(&v) != "400 bad_path route" {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("HTTP/3", func(t *testing.T) {
		r := start(t, h3Text(t), backend(t, echo))
		c, _ := r.h3Client()
		get3(t, c, "/three")
		if v := r.recorded("/three"); v.Version != records.HTTP3 || !v.Secure || v.Host != "a.test" || story(&v) != "200 ok done; 1: ok 200" {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, echo))
		c, _ := r.mustDialTLS(&tls.Config{ServerName: "a.test"})
		c.get("/one")
		if v := r.recorded("/one"); v.Version != records.HTTP11 || !v.Secure {
			t.Errorf("got %+v", v)
		}
	})
}

// What no backend is asked for is recorded, too, as far as it was understood.
func TestRecordsOfWhatIsNotForwarded(t *testing.T) {
	const text = `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  say: {path: /say, respond: {body: hello}}
  away: {path: /away, redirect: {to: "https://{host}/"}}
  down: {path: /down, pool: none}
  shut: {path: /shut, pool: none, middleware: [no]}
pools: {none: {backends: []}}
middleware: {no: {type: deny}}
`
	for _, tc := range []struct{ request, path, method, route, pool, want string }{
		{"GET /say HTTP/1.1\r\nHost: t\r\n\r\n", "/say", "GET", "say", "", "200 ok done"},
		{"GET /away?x HTTP/1.0\r\nHost: t\r\n\r\n", "/away", "GET", "away", "", "308 ok done"},
		{"PROPFIND /down HTTP/1.1\r\nHost: t\r\n\r\n", "/down", "PROPFIND", "down", "none", "503 no_backends pick"},
		{"GET /shut HTTP/1.1\r\nHost: t\r\n\r\n", "/shut", "GET", "shut", "", "403 denied admit"},
		{"GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n", "/nowhere", "GET", "", "", "404 no_route route"},
		{"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", "*", "OPTIONS", "", "", "204 ok done"},
		{"GET /x HTTP/1.1\r\n\r\n", "", "", "", "", "400 missing_host read"},
		{"\x16\x03\x01\x00\xa5\x01\r\n\r\n", "", "", "", "", "400 tls_on_plain_port read"},
	} {
		r := start(t, text, "")
		c := r.dial()
		c.send(tc.request)
		if _, err := c.r.ReadByte(); err != nil {
			t.Fatal(err)
		}
		v := r.recorded(tc.path)
		if story(&v) != tc.want || v.Method != tc.method || v.Route != tc.route || v.Pool != tc.pool || v.Client.String() != "127.0.0.1" || v.Tried != 0 {
			t.Errorf("%.20q: got %q, %+v; want %q", tc.request, story(&v), v, tc.want)
		}
		_ = c.Close()
	}
}

// A tunnel is recorded once, when it ends, with all that it has carried; by the names of
// its time.
func TestRecordsOfTunnels(t *testing.T) {
	address := switched(t, upgradeAnswer, echoBack)
	r := start(t, plain, address)
	c := r.dial()
	c.upgrade()
	renamed := strings.NewReplacer("all:", "other:", "pool: p", "pool: q", "p: {", "q: {").Replace(plain)
	r.apply(renamed, address)
	message := noise(300_000)
	go func() {
		_, _ = c.Write(message)
		c.stop()
	}()
	if got, err := io.ReadAll(c.r); err != nil || len(got) != len(message) {
		t.Fatal(len(got), err)
	}
	v := r.recorded("/chat")
	if !v.Tunnel || story(&v) != "101 ok tunnel; 1: ok 101" || v.Route != "all" || v.Pool != "p" || v.Tries[0].Backend != address || v.Generation != 1 ||
		v.In < 300_000 || v.Out < 300_000 || v.In > 301_000 {
		t.Errorf("got %+v", v)
	}
	if a, err := r.engine.Recorder().Find(&records.Query{Limit: 10}); err != nil || len(a.Records) != 1 {
		t.Errorf("got %d records, %v; want one", len(a.Records), err)
	}
}

// Records of a generation that is gone have its names.
func TestReloadKeepsNamesOfRecords(t *testing.T) {
	first, second := backend(t, echo), backend(t, echo)
	r := start(t, plain, first)
	c := r.dial()
	c.get("/old")
	was := r.recorded("/old")
	for i := range 3 {
		r.apply(strings.NewReplacer("all:", "other:", "pool: p", "pool: q", "p: {", "q: {").Replace(plain), second)
		c.get("/new" + strconv.Itoa(i))
	}
	old, fresh := r.recorded("/old"), r.recorded("/new2")
	if old.Route != "all" || old.Pool != "p" || old.Tries[0].Backend != first || old.Generation != 1 || old.Number != was.Number {
		t.Errorf("old: got %+v", old)
	}
	if fresh.Route != "other" || fresh.Pool != "q" || fresh.Tries[0].Backend != second || fresh.Generation != 4 {
		t.Errorf("new: got %+v", fresh)
	}
}

func TestReloadSwitchesTheRecorder(t *testing.T) {
	address := backend(t, echo)
	r := start(t, recorderText("enabled: false", ""), address)
	c := r.dial()
	c.get("/off")
	if _, err := r.engine.Recorder().Find(&records.Query{Limit: 1}); err == nil || r.engine.Recorder().On() {
		t.Errorf("got %v; want it off", err)
	}
	r.apply(recorderText("records: 256", ""), address)
	c.get("/on")
	r.recorded("/on")
	r.apply(recorderText("records: 1024, keep_errors: 0", ""), address)
	c.get("/larger")
	r.recorded("/larger")
	if _, there := r.known("/on"); !there {
		t.Error("other limits have cost what was there")
	}
	r.apply(recorderText("enabled: false", ""), address)
	c.get("/off")
	if _, err := r.engine.Recorder().Find(&records.Query{Limit: 1}); err == nil {
		t.Error("it is on after it was switched off")
	}
}

// A head that comes in parts, and a client that leaves, are seen as such.
func TestRecordsOfSlowAndLeavingClients(t *testing.T) {
	asked := make(chan struct{}, 8)
	r := start(t, recorderText("", ""), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if q.URL.Path == "/left" {
				asked <- struct{}{}
				_, _ = in.Peek(1)
				return
			}
			_, _ = io.WriteString(c, ok)
		}
	}))
	c := r.dial()
	for _, part := range []string{"GET /slow HTTP/1.1\r\n", "Host: t\r\n", "\r\n"} {
		c.send(part)
		c.awaitRead()
		began := time.Now()
		eventually(t, func() string { return "a while" }, func() bool { return time.Since(began) > 5*time.Millisecond })
	}
	c.receive("GET")
	if v := r.recorded("/slow"); v.Read < 5*time.Millisecond || v.Admit < v.Read || v.Tries[0].Began < v.Read || v.Tries[0].Answer > v.Took-v.Read+time.Millisecond {
		t.Errorf("got %+v; want the time of the head apart", v)
	}
	c.send("GET /left HTTP/1.1\r\nHost: t\r\n\r\n")
	<-asked
	tcp, isTCP := c.Conn.(*net.TCPConn)
	if !isTCP {
		t.Fatal("not a TCP connection")
	}
	reset(tcp)
	if v := r.recorded("/left"); story(&v) != "499 client_gone answer; 1: client_gone 0" && story(&v) != "499 client_gone answer; 1: client_gone 0 reused" {
		t.Errorf("got %q", story(&v))
	}
}

// The recorder's words are those of package retry.
func TestRefusalWordsOfRecords(t *testing.T) {
	for f := range retry.Refusals {
		if got := records.Refusal(uint8(f)); got != f.String() {
			t.Errorf("%d: got %q; want %q", f, got, f)
		}
	}
	for _, v := range []records.Version{records.HTTP10, records.HTTP11, records.HTTP2, records.HTTP3} {
		if !strings.HasPrefix(v.String(), "HTTP/") {
			t.Errorf("%d: got %q", v, v)
		}
	}
}
