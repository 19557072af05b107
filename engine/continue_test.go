package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A client that expects 100 Continue may send its body all the same, and then it goes on
// at once: nobody waits for a word of the backend that waits for the body.
func TestBodyThatComesUnaskedIsNotHeldBack(t *testing.T) {
	for _, body := range []struct{ name, fields, content string }{
		{"length", "Content-Length: 5\r\n", "hello"},
		{"chunked", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		{"in two", "Content-Length: 10\r\n", "helloworld"},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reused %v", body.name, reused), func(t *testing.T) {
				asked := make(chan struct{}, 1)
				r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						if q.Header.Get("Expect") != "" {
							asked <- struct{}{}
						}
						all, err := io.ReadAll(q.Body)
						if err != nil {
							return
						}
						_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(all), all)
					}
				}))
				c := r.dial()
				if reused {
					c.get("/")
				}
				c.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n" + body.fields + "\r\n")
				<-asked
				began := time.Now()
				if body.name == "in two" {
					c.send(body.content[:5])
					c.send(body.content[5:])
				} else {
					c.send(body.content)
				}
				a := c.receive("PUT")
				if took := time.Since(began); took > expectWait*8/10 {
					t.Errorf("the body was held for %v; want it to go on at once", took)
				}
				if a.StatusCode != 200 || !strings.HasPrefix(a.body, "hello") {
					t.Errorf("got %d %q; want 200 and the body", a.StatusCode, a.body)
				}
				if a := c.get("/"); a.StatusCode != 200 {
					t.Errorf("the next request got %d; want 200", a.StatusCode)
				}
			})
		}
	}
}

// One that does not send it is told to, by the backend or, where that says nothing, in
// time; and not at all where the answer does not want it.
func TestClientIsAskedForItsBody(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, says, want string }{
		{"by the backend", "HTTP/1.1 100 Continue\r\n\r\n", "100"},
		{"in time", "", "100"},
		{"hints first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "103"},
		{"not at all", "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", "417"},
		{"not at all by a success", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reused %v", tc.name, reused), func(t *testing.T) {
				t.Parallel()
				r := start(t, strings.Replace(plain, `:0"`, `:0", timeouts: {body: 900ms}`, 1), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						if q.Method == http.MethodPut {
							_, _ = io.WriteString(c, tc.says)
						}
						if _, err := io.Copy(io.Discard, q.Body); err != nil {
							return
						}
						_, _ = io.WriteString(c, ok)
					}
				}))
				c := r.dial()
				if reused {
					c.get("/")
				}
				c.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
				line, err := c.r.ReadString('\n')
				if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tc.want) {
					t.Fatalf("got %q, %v; want %s", line, err, tc.want)
				}
				if tc.want[0] != '1' {
					if rest := c.end(t); !strings.Contains(rest, "Connection: close") {
						t.Errorf("got %q; want the end of the connection to be told", rest)
					}
					return
				}
				for tc.want == "103" && !strings.HasPrefix(line, "HTTP/1.1 100") {
					if line, err = c.r.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := c.r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				c.send("hello")
				if a := c.receive("PUT"); a.StatusCode != 200 {
					t.Errorf("got %d; want 200", a.StatusCode)
				}
			})
		}
	}
}

// A client that is slow to read interim answers gets all of them, whoever carries its
// exchange.
func TestInterimAnswersWaitForTheirClient(t *testing.T) {
	const hints = 30
	interim := "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 28<<10) + "\r\n\r\n"
	for _, reused := range []bool{false, true} {
		var sent atomic.Int64
		path := filepath.Join(t.TempDir(), "s") // its buffer does not grow
		start(t, strings.Replace(plain, "127.0.0.1:0", "unix:"+path, 1), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			for q := readHead(in); q != nil; q = readHead(in) {
				if q.URL.Path == "/hints" {
					for range hints {
						n, err := io.WriteString(c, interim)
						sent.Add(int64(n))
						if err != nil {
							return
						}
					}
				}
				_, _ = io.WriteString(c, ok)
			}
		}))
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		c := &client{Conn: conn, t: t, r: bufio.NewReader(conn)}
		if reused {
			c.get("/")
		}
		c.send("GET /hints HTTP/1.1\r\nHost: t\r\n\r\n")
		heldBack(t, &sent) // the sockets between are full, or have taken all
		text := "HTTP/1.1 103 Early Hints\r\n"
		for n := 0; ; {
			line, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatalf("reused %v: %v after %d interim answers", reused, err, n)
			}
			if line == text {
				n++
			}
			if strings.HasPrefix(line, "HTTP/1.1 200") {
				if n != hints {
					t.Errorf("reused %v: got %d interim answers; want %d", reused, n, hints)
				}
				break
			}
		}
	}
}
