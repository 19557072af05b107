package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostOf is a pool with these keys, a route to it, and a listener for both versions of
// HTTP. More is what else stands in the file.
func hostOf(keys, route string, more ...string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p` + route + `}}
pools: {p: {` + keys + `}}
shutdown: {drain: 5s}
` + strings.Join(more, "\n") + "\n"
}

// tellHost answers with what it sees of the host.
func tellHost(w http.ResponseWriter, q *http.Request) {
	_, _ = io.WriteString(w, q.Host+" "+q.Header.Get("X-Forwarded-Host"))
}

func TestHostThatBackendsSee(t *testing.T) {
	plainly, streams := backend(t, tellHost), h2Backend(t, nil, tellHost)
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(tellHost)}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	at := func(address string) string { return `, backends: [{address: "` + address + `"}]` }
	for _, tc := range []struct{ name, keys, stage, want string }{
		{"as the client says", "algorithm: random" + at(plainly), "", "client.test"},
		{"kept", "host: keep" + at(plainly), "", "client.test"},
		{"backend", "host: backend" + at(plainly), "", plainly},
		{"backend at a unix socket", "host: backend" + at("unix:"+socket), "", "localhost"},
		{"literal", `host: "www.example.com:8443"` + at(plainly), "", "www.example.com:8443"},
		{"shorter than the client's", "host: a" + at(plainly), "", "a"},
		{"backend of HTTP/2", "host: backend, protocol: h2c" + at(streams), "", streams},
		{"literal over HTTP/2", "host: www.example.com, protocol: h2c" + at(streams), "", "www.example.com"},
		{"stage that sets Host", "host: backend" + at(plainly), "type: headers, request: {set: {Host: stage.test}}", "stage.test"},
		{"stage that rewrites it", "host: literal.test" + at(plainly), "type: rewrite, host: stage.test", "stage.test"},
		{
			"stage that finds nothing to replace", "host: literal.test" + at(plainly),
			"type: headers, request: {replace: [{name: Host, regex: other, with: stage}]}", "literal.test",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route, stages := "", ""
			if tc.stage != "" {
				route, stages = ", middleware: [m]", "middleware: {m: {"+tc.stage+"}}"
			}
			r := start(t, hostOf(tc.keys, route, stages), "")
			c := r.dial()
			for _, body := range []string{"", "hello", strings.Repeat("x", 100_000)} {
				c.send(fmt.Sprintf("PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
				if a, want := c.receive("PUT"), tc.want+" client.test"; a.StatusCode != 200 || a.body != want {
					t.Errorf("got %d %q; want %q", a.StatusCode, a.body, want)
				}
			}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address+"/", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			q.Host = "client.test"
			a, err := r.h2Client().Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = a.Body.Close() }()
			if body, err := io.ReadAll(a.Body); err != nil || string(body) != tc.want+" client.test" {
				t.Errorf("over HTTP/2: got %q, %v; want %q", body, err, tc.want)
			}
		})
	}
}

// TestHostIsThatOfEachAttempt: a retry goes to another backend, with its own host, and the
// rest of the request as it was; the log has the id that both have seen.
func TestHostIsThatOfEachAttempt(t *testing.T) {
	seen := make(chan string, 2)
	var addresses []string
	for i := range 2 {
		addresses = append(addresses, backend(t, func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			seen <- q.Host + " " + q.Header.Get("X-Request-Id") + " " + string(body)
			w.WriteHeader(http.StatusServiceUnavailable - 303*i)
		}))
	}
	list := `host: backend, backends: [{address: "` + addresses[0] + `"}, {address: "localhost:` +
		addresses[1][strings.LastIndex(addresses[1], ":")+1:] + `", backup: true}]`
	var log lockedBuffer
	r := startLogged(t, &log, hostOf(list, `, retry: {on: ["503"], backoff: {initial: 1ms}}`, "log: {access: {enabled: true}}"), "")
	c := r.dial()
	c.send("PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 5\r\n\r\nhello")
	if a := c.receive("PUT"); a.StatusCode != 200 {
		t.Fatalf("got %d; want 200", a.StatusCode)
	}
	first, second := strings.Fields(<-seen), strings.Fields(<-seen)
	if first[0] != addresses[0] || !strings.HasPrefix(second[0], "localhost:") || first[1] != second[1] || first[2] != "hello" || second[2] != "hello" {
		t.Errorf("got %q, then %q", first, second)
	}
	eventually(t, func() string { return "a line" }, func() bool { return len(accessLines(t, &log)) == 1 })
	if line := accessLines(t, &log)[0]; line["request_id"] != first[1] {
		t.Errorf("got %v; want the id %s", line, first[1])
	}
}

func TestHostOfARival(t *testing.T) {
	hosts, asked := make(chan string, 2), make(chan struct{})
	b := [2]string{}
	for i := range b {
		b[i] = backend(t, func(w http.ResponseWriter, q *http.Request) {
			hosts <- q.Host
			if q.Host == b[0] { // it is slower than the other one, however slow that is
				close(asked)
				<-q.Context().Done()
				return
			}
			<-asked // one that is outrun before it has read anything never hears of the request
			tellHost(w, q)
		})
	}
	r := start(t, hostOf(`host: backend, backends: [{address: "`+b[0]+`"}, {address: "`+b[1]+`", backup: true}]`, ", hedge: {after: 1ms}"), "")
	a := r.dial().get("/")
	if want := b[1] + " test"; a.body != want {
		t.Errorf("got %q; want %q", a.body, want)
	}
	seen := []string{<-hosts, <-hosts}
	slices.Sort(seen)
	if !slices.Equal(seen, slices.Sorted(slices.Values(b[:]))) {
		t.Errorf("got %v; want %v", seen, b)
	}
}

// TestHostOfCopiesAndPages: what is asked beside an exchange sees what its own pool says.
func TestHostOfCopiesAndPages(t *testing.T) {
	shadow := newShadow(t, nil)
	pages := newShadow(t, nil)
	text := hostOf(`host: first.test, backends: [{address: "{{backend}}"}]}, shadow: {HOST backends: [{address: "`+shadow.Listener.Addr().String()+
		`"}]}, pages: {host: pages.test, backends: [{address: "`+pages.Listener.Addr().String()+`"}]`,
		`, mirror: {pool: shadow, percent: 100}, middleware: [pages]`,
		`middleware: {pages: {type: error_pages, statuses: ["404"], from: backend, pool: pages}}`)
	for i, tc := range [][2]string{{"", "test"}, {"host: second.test,", "second.test"}, {"host: backend,", shadow.Listener.Addr().String()}} {
		r := start(t, strings.Replace(text, "HOST", tc[0], 1), backend(t, func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(404)
			tellHost(w, q)
		}))
		r.dial().get("/")
		r.awaitMirror("answered", 1)
		for want, got := range map[string][]string{tc[1]: shadow.questions(), "pages.test": pages.questions()} {
			if len(got) <= i || !strings.Contains(got[len(got)-1], " "+want+" ") {
				t.Errorf("got %q; want %s", got, want)
			}
		}
	}
}

func TestHostOfAnUpgrade(t *testing.T) {
	hosts := make(chan string, 1)
	address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		hosts <- q.Host
		_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
		echoBack(c, in)
	})
	c := start(t, hostOf(`host: backend, backends: [{address: "`+address+`"}]`, ""), "").dial()
	c.upgrade()
	if got := <-hosts; got != address {
		t.Errorf("got %q; want %q", got, address)
	}
}
