package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// h2cListener is plain with HTTP/2 in clear text.
const h2cListener = `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`

// h2Client speaks HTTP/2 in clear text over one connection.
func (r *rig) h2Client() *http.Client {
	t := &http.Transport{
		Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.address)
		},
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	r.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 20 * time.Second}
}

// h2TLSClient does so over TLS, and asks for a.test.
func (r *rig) h2TLSClient() *http.Client {
	t := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.address)
		},
	}
	r.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 20 * time.Second}
}

// sized2 is a body whose length the client says, or not.
func sized2(body string, known bool) io.Reader {
	if known {
		return strings.NewReader(body)
	}
	return io.MultiReader(strings.NewReader(body))
}

func TestHTTP2BodiesBothWays(t *testing.T) {
	address := backend(t, echoSeen)
	bare, secure := start(t, h2cListener, address), start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), address)
	for base, c := range map[string]*http.Client{"http://example.com": bare.h2Client(), "https://a.test": secure.h2TLSClient()} {
		checkBodiesBothWays(t, c, base, 2)
	}
}

// echoSeen is echo that says in X-Seen what it saw of the head. With X-Whole the length
// of the answer is known.
func echoSeen(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("X-Seen", strings.Join([]string{
		q.Proto, q.Method, q.Host, q.RequestURI, q.Header.Get("Via"), q.Header.Get("X-Forwarded-Proto"), q.Header.Get("Cookie"),
	}, "|"))
	if q.Header.Get("X-Whole") != "" {
		body, _ := io.ReadAll(q.Body)
		_, _ = w.Write(body)
		return
	}
	echo(w, q)
}

// checkBodiesBothWays sends bodies of all sizes to echoSeen by a client of HTTP/2 or 3,
// which major is; base is a scheme and a host.
func checkBodiesBothWays(t *testing.T, c *http.Client, base string, major int) {
	t.Helper()
	for _, size := range []int{0, 1, 5, 16 << 10, 100_000, 1 << 20, 5 << 20} {
		for i := range 4 {
			body, known, whole := string(noise(size)), i&1 != 0, i&2 != 0
			t.Run(fmt.Sprintf("%.5s %d, length known %v, answered whole %v", base, size, known, whole), func(t *testing.T) {
				q, err := http.NewRequest(http.MethodPost, base+"/a/b?c=d", sized2(body, known))
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("Cookie", "a=1; b=2")
				if whole {
					q.Header.Set("X-Whole", "1")
				}
				resp, err := c.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || string(got) != body {
					t.Fatalf("%d bytes, %v; want %d that are the same", len(got), err, len(body))
				}
				scheme, host, _ := strings.Cut(base, "://")
				want := fmt.Sprintf("HTTP/1.1|POST|%s|/a/b?c=d|%d.0 isame|%s|a=1; b=2", host, major, scheme)
				if resp.Header.Get("X-Seen") != want || resp.ProtoMajor != major {
					t.Errorf("the backend saw %q in %s; want %q", resp.Header.Get("X-Seen"), resp.Proto, want)
				}
			})
		}
	}
}

// Many streams at once on one connection, each with an upload and a download, none of
// which waits for another one.
func TestHTTP2StreamsAreIndependent(t *testing.T) {
	r := start(t, h2cListener, backend(t, echoAtOnce))
	c := r.h2Client()
	var connections sync.Map // by their addresses
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		connections.Store(i.Conn.LocalAddr().String(), true)
	}})
	warm, err := c.Get("http://t/") // Go's client may dial twice before it knows that one is enough
	if err != nil {
		t.Fatal(err)
	}
	_ = warm.Body.Close()
	const many = 60
	type talk struct {
		send *io.PipeWriter
		body io.ReadCloser
	}
	talks := make([]talk, many)
	for i := range talks { // all are open, and none has said anything
		from, to := io.Pipe()
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://t/", from)
		if err != nil {
			t.Fatal(err)
		}
		resp := make(chan *http.Response, 1)
		go func() {
			a, err := c.Do(q)
			if err != nil {
				t.Error(err)
			}
			resp <- a
		}()
		if _, err := io.WriteString(to, "hello"); err != nil {
			t.Fatal(err)
		}
		a := <-resp
		if a == nil {
			return
		}
		talks[i] = talk{to, a.Body}
		checkEcho(t, a.Body, "hello")
	}
	for i := range talks { // one after the other, backwards
		tk := talks[many-1-i]
		_, _ = io.WriteString(tk.send, "again")
		checkEcho(t, tk.body, "again")
	}
	big := string(noise(300_000))
	var wg sync.WaitGroup
	for i := range talks { // all at once
		wg.Go(func() {
			go func() {
				_, _ = io.WriteString(talks[i].send, big)
				_ = talks[i].send.Close()
			}()
			checkEcho(t, talks[i].body, big)
			if rest, err := io.ReadAll(talks[i].body); err != nil || len(rest) > 0 {
				t.Errorf("behind the end: %d bytes, %v", len(rest), err)
			}
			_ = talks[i].body.Close()
		})
	}
	wg.Wait()
	used := 0
	connections.Range(func(any, any) bool { used++; return true })
	if used != 1 {
		t.Errorf("%d connections; want one", used)
	}
	r.settled2(t)
}

// echoAtOnce is echo that holds nothing back.
func echoAtOnce(w http.ResponseWriter, q *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	for piece := make([]byte, 32<<10); ; {
		n, err := q.Body.Read(piece)
		_, _ = w.Write(piece[:n])
		if control.Flush() != nil || err != nil {
			return
		}
	}
}

func checkEcho(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Errorf("got %.20q, %v; want %.20q", got, err, want)
	}
}

// settled2 waits until no stream and no request is left.
func (r *rig) settled2(t *testing.T) {
	t.Helper()
	state := func() (streams, running, inFlight int64) {
		for _, l := range r.engine.apply.listeners {
			streams += l.streams.Load()
			for _, s := range l.shards {
				s.mu.Lock()
				for c := s.mu.first; c != nil; c = c.next {
					running += int64(c.running.Load())
				}
				s.mu.Unlock()
			}
		}
		return streams, running, r.inFlight()
	}
	eventually(t, func() string {
		return fmt.Sprint("no streams, of listeners, connections and backends: ", fmt.Sprint(state()))
	}, func() bool {
		a, b, c := state()
		return a == 0 && b == 0 && c == 0
	})
}

// An event of an answer reaches the client although nothing follows it.
func TestHTTP2EventsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	r := start(t, h2cListener, backend(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	c := r.h2()
	id := c.open(true, to("GET", "/")...)
	for i := range 3 {
		if !c.until(func() bool { return len(c.streams[id].body) == 9*(i+1) }) {
			t.Fatalf("after %d events: %s", i, c.ending())
		}
		next <- struct{}{}
	}
	if a := c.answer(id); !a.whole {
		t.Errorf("got %s; want the end", c.outcome(id))
	}
}

// A backend that breaks off inside its answer: the client sees that it is not whole.
func TestHTTP2CutAnswersLookCut(t *testing.T) {
	for name, says := range map[string]string{
		"in a length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "in a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nshort",
		"between chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "a bad chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				q := readHead(in)
				if q != nil && q.URL.Path == "/good" {
					_, _ = io.WriteString(c, ok)
					return
				}
				_, _ = io.WriteString(c, says)
			}))
			c := r.h2()
			c.expect("200 short reset INTERNAL_ERROR", c.outcome(c.open(true, to("GET", "/")...)))
			c.expect("200 ok", c.ask(to("GET", "/good")...))
			r.settled2(t)
		})
	}
}

// A connection of the backend that has died in the pool costs no request.
func TestHTTP2RequestsAreRetried(t *testing.T) {
	r := start(t, h2cListener, scripted(t, diesOnSecond))
	c := r.h2()
	for range 6 {
		c.expect("200 ok", c.ask(to("GET", "/")...))
	}
}

func TestHTTP2AuthorityOfAnotherTenant(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "b.test")), backend(t, sees))
	c := r.h2TLS()
	for authority, want := range map[string]string{
		"a.test": "200 https 127.0.0.1", "A.test:443": "200 https 127.0.0.1", "b.test": "421 misdirected_request", "b.test:8443": "421 misdirected_request",
		"c.test": "200 https 127.0.0.1",
	} {
		c.expect(want, c.ask(":method", "GET", ":scheme", "https", ":authority", authority, ":path", "/"))
	}
	c.expect("200 https 127.0.0.1", c.ask(":method", "GET", ":scheme", "http", ":path", "/", "host", "a.test"))
}

// Each stream is an exchange to the access log and to the metrics, whoever answers.
func TestHTTP2ExchangesAreLoggedAndCounted(t *testing.T) {
	var log lockedBuffer
	text := strings.Replace(h2cListener, "routes: {all: {pool: p}}", `
routes:
  all: {pool: p}
  away: {path: /away, redirect: {to: "{scheme}://{host}/here"}}
  here: {path: /here, respond: {status: 200, body: "here", content_type: text/plain}}
log: {access: {enabled: true}}`, 1)
	r := startLogged(t, &log, text, record(t).address)
	c := r.h2()
	for _, tc := range [][2]string{{"/x", "200 GET /x"}, {"/away", "308"}, {"/here", "200 here"}, {"/%00", "400 bad_path"}} {
		c.expect(tc[1], c.ask(to("GET", tc[0])...))
	}
	if got := c.streams[3].header("location"); got != "http://t/here" {
		t.Errorf("Location: got %q", got)
	}
	r.settled2(t)
	for _, want := range []string{
		`"method":"GET","host":"t","target":"/x","status":200`, `"route":"all","pool":"p","backend":"127.0.0.1:`, `"target":"/away","status":308`,
		`"target":"/here","status":200`, `"status":400`, `"cause":"bad_path"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the access log lacks %s:\n%s", want, log.String())
		}
	}
	if n := strings.Count(log.String(), `"log":"access"`); n != 4 {
		t.Errorf("%d lines; want 4", n)
	}
	got := strings.Join(r.counters(t), ", ")
	if want := "backend_requests 200 1, requests 200 1, requests 200 1, requests 308 1, requests 400 1"; got != want {
		t.Errorf("counted %s; want %s", got, want)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.String()
}

// What a trusted peer says of its client stands, and is added to.
func TestHTTP2ForwardedFieldsOfTrustedPeers(t *testing.T) {
	text := strings.Replace(h2cListener, "h2c: true", "h2c: true, trusted_proxies: [127.0.0.1]", 1)
	r := start(t, text, backend(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = fmt.Fprint(w, q.Header["X-Forwarded-For"], q.Header["X-Forwarded-Proto"], q.Header["X-Forwarded-Host"], q.Header["X-Request-Id"])
	}))
	c := r.h2()
	c.expect("200 [1.2.3.4, 127.0.0.1] [https] [h] [id]", c.ask(to(
		"GET", "/", "x-forwarded-for", "1.2.3.4", "x-forwarded-proto", "https", "x-forwarded-host", "h", "x-request-id", "id",
	)...))
}
