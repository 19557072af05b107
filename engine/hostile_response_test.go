package engine

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// speaker is a backend that says text to /case and says each other request's
// path, so that an answer given to the wrong request is seen. After says it
// waits for and obeys next, if there is one: more bytes, later.
type speaker struct {
	says  string
	now   atomic.Pointer[string] // instead of says, where it changes
	hangs bool                   // keeps the connection open and reads on
	again atomic.Int64           // requests that came behind /case on its connection
	next  chan string            // said on the connection of /case
	said  chan struct{}          // answers next
}

func (s *speaker) serve(_ int64, c net.Conn, in *bufio.Reader) {
	said := false
	for q := readHead(in); q != nil; q = readHead(in) {
		_, _ = io.Copy(io.Discard, q.Body)
		if said {
			s.again.Add(1)
		}
		if q.URL.Path != "/case" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"+q.URL.Path)
			continue
		}
		said = true
		text := s.says
		if now := s.now.Load(); now != nil {
			text = *now
		}
		_, _ = io.WriteString(c, text)
		if s.next != nil {
			_, _ = io.WriteString(c, <-s.next)
			s.said <- struct{}{}
		}
		if !s.hangs {
			return
		}
	}
}

// checkOthers finds that other clients get their own answers.
func (r *rig) checkOthers(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/after", "/again", "/third"} {
		if a := r.dial().get(path); a.StatusCode != 200 || a.body != path {
			t.Errorf("next client: got %d %q; want 200 %q", a.StatusCode, a.body, path)
		}
	}
}

// refusedResponses are heads that can be read in more than one way, or in none.
func refusedResponses() map[string]string {
	const line = "HTTP/1.1 200 OK\r\n"
	const length, chunked = "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"
	all := map[string]string{
		"length and chunked": line + length + chunked + "\r\n0\r\n\r\n", "chunked and length": line + chunked + length + "\r\n0\r\n\r\n",
		"two different lengths": line + length + "Content-Length: 6\r\n\r\nhello!",
		"chunked in HTTP/1.0":   "HTTP/1.0 200 OK\r\n" + chunked + "\r\n0\r\n\r\n", "chunked twice": line + chunked + chunked + "\r\n0\r\n\r\n",
		"folded": line + "X: y\r\n z\r\n" + length + "\r\nhello", "folded framing": line + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"space in a name": line + "X Y: z\r\n" + length + "\r\nhello", "space before the colon": line + "Content-Length : 5\r\n\r\nhello",
		"NUL in a name": line + "X\x00: y\r\n\r\n", "NUL in a value": line + "X: y\x00\r\n\r\n", "no colon": line + "X\r\n\r\n", "empty name": line + ": y\r\n\r\n",
		"bare LF": "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "bare LF behind a field": line + "X: y\nContent-Length: 5\r\n\r\nhello", "bare CR in a value": line + "X: y\rZ: 1\r\n\r\n",
		"splitting by bare CR": line + "Location: /\rSet-Cookie: x\r\n\r\n", "white-space line": line + " \r\n\r\n",
		"status 99": "HTTP/1.1 99 Low\r\n\r\n", "status 099": "HTTP/1.1 099 Low\r\n\r\n",
		"status 1000": "HTTP/1.1 1000 High\r\n\r\n", "status 2x0": "HTTP/1.1 2x0 Odd\r\n\r\n", "status +20": "HTTP/1.1 +20 Odd\r\n\r\n", "status 20": "HTTP/1.1 20 Odd\r\n\r\n",
		"no status": "HTTP/1.1 OK\r\n\r\n", "status 000": "HTTP/1.1 000 None\r\n\r\n", "two spaces": "HTTP/1.1  200 OK\r\n\r\n", "tab": "HTTP/1.1\t200 OK\r\n\r\n",
		"control byte in the reason": "HTTP/1.1 200 O\x01K\r\n\r\n", "NUL in the reason": "HTTP/1.1 200 O\x00K\r\n\r\n", "escape in the reason": "HTTP/1.1 200 \x1b[2J\r\n\r\n",
		"CR in the reason": "HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/2.0": "HTTP/2.0 200 OK\r\n\r\n", "HTTP/0.9": "HTTP/0.9 200 OK\r\n\r\n", "HTTP/1.2": "HTTP/1.2 200 OK\r\n\r\n",
		"lower case": "http/1.1 200 OK\r\n\r\n", "ICY": "ICY 200 OK\r\n\r\n", "mail": "220 mail ready\r\n", "TLS": "\x15\x03\x01\x00\x02\x02\x46", "HTTP/2 frames": "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"HTML alone": "<html>\r\n\r\n", "empty line first": "\r\n" + line + length + "\r\nhello", "a request": "GET / HTTP/1.1\r\nHost: t\r\n\r\n",
		"10,000 fields": line + strings.Repeat("X: y\r\n", 10_000) + "\r\n", "header beyond the limit": line + "X: " + strings.Repeat("x", 70_000) + "\r\n\r\n",
		"endless reason": "HTTP/1.1 200 " + strings.Repeat("x", 200_000),
	}
	for name, value := range map[string]string{"signed": "+5", "negative": "-5", "list": "5, 6", "hexadecimal": "0x5", "empty": "", "zeros": "0x05", "overflow": "99999999999999999999", "word": "five", "space": "5 5"} {
		all["length "+name] = line + "Content-Length: " + value + "\r\n\r\nhello"
	}
	for name, value := range map[string]string{
		"identity": "identity", "gzip": "gzip, chunked", "twice": "chunked, chunked", "quoted": `"chunked"`, "disguised": "xchunked", "comma": "chunked,", "vertical tab": "\vchunked", "empty": "",
	} {
		all["coding "+name] = line + "Transfer-Encoding: " + value + "\r\n\r\n0\r\n\r\n"
	}
	return all
}

func TestHostileResponseHeads(t *testing.T) {
	for name, says := range refusedResponses() {
		t.Run(name, func(t *testing.T) {
			s := &speaker{says: says, hangs: true}
			r := start(t, plain, scripted(t, s.serve))
			for _, request := range []string{"GET /case HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD /case HTTP/1.1\r\nHost: t\r\n\r\n", "GET /case HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"} {
				c := r.dial()
				c.send(request)
				a := c.receive(strings.Fields(request)[0])
				if a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "bad_response" || a.Close {
					t.Errorf("%.20q: got %d %q, close %v; want 502 bad_response, kept", request, a.StatusCode, a.Header.Get("X-Isame-Error"), a.Close)
				}
				c.send("GET /more1 HTTP/1.1\r\nHost: t\r\n\r\n")
				if a := c.receive("GET"); a.body != "/more1" {
					t.Errorf("same client: got %q; want its own answer", a.body)
				}
			}
			r.checkOthers(t)
			if n := r.failures(); n != 3 {
				t.Errorf("the backend was blamed %d times; want 3", n)
			}
			if n := s.again.Load(); n != 0 {
				t.Errorf("%d requests came on a connection that had said nonsense; want 0", n)
			}
		})
	}
}

func TestResponsesThatPass(t *testing.T) {
	const chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	const until = "Connection: close\r\n"
	for _, tc := range []struct{ name, request, says, got string }{
		{"no reason", "GET 1.1", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"},
		{"no space either", "GET 1.1", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"},
		{"a status nobody knows", "GET 1.1", "HTTP/1.1 299 \xe9 odd\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 299 \xe9 odd\r\nContent-Length: 0\r\n\r\n"},
		{"HTTP/1.0 becomes 1.1", "GET 1.1", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{"until close becomes chunks", "GET 1.1", "HTTP/1.0 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"until close for HTTP/1.0", "GET 1.0", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\n" + until + "\r\nok"},
		{"chunks for HTTP/1.0", "GET 1.0", "HTTP/1.1 200 OK\r\n" + chunks, "HTTP/1.1 200 OK\r\n" + until + "\r\nok"},
		{"length for HTTP/1.0", "GET 1.0", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"},
		{"chunks written anew", "GET 1.1", "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0002;x=y\r\nok\r\n000\r\n\r\n", "HTTP/1.1 200 OK\r\n" + chunks},
		{"HEAD with a body", "HEAD 1.1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"HEAD with chunks", "HEAD 1.1", "HTTP/1.1 200 OK\r\n" + chunks, "HTTP/1.1 200 OK\r\n\r\n"},
		{"HEAD for HTTP/1.0", "HEAD 1.0", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"},
		{"204 with a body", "GET 1.1", "HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 None\r\n\r\n"},
		{"204 with chunks", "GET 1.1", "HTTP/1.1 204 None\r\n" + chunks, "HTTP/1.1 204 None\r\n\r\n"},
		{"304 with a body", "GET 1.1", "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n"},
		{"304 with chunks", "GET 1.1", "HTTP/1.1 304 Same\r\n" + chunks, "HTTP/1.1 304 Same\r\n\r\n"},
		{"bytes behind the length", "GET 1.1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{"bytes behind the chunks", "GET 1.1", "HTTP/1.1 200 OK\r\n" + chunks + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "HTTP/1.1 200 OK\r\n" + chunks},
		{"bytes behind an empty body", "GET 1.1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		for _, hangs := range []bool{true, false} {
			if hangs && strings.HasPrefix(tc.name, "until close") {
				continue
			}
			t.Run(tc.name, func(t *testing.T) {
				r := start(t, plain, scripted(t, (&speaker{says: tc.says, hangs: hangs}).serve))
				for range 3 {
					c := r.dial()
					method, version, _ := strings.Cut(tc.request, " ")
					c.send(method + " /case HTTP/" + version + "\r\nHost: t\r\nConnection: keep-alive\r\n\r\n")
					if got, err := c.readDated(tc.got); err != nil || got != tc.got {
						t.Fatalf("got %q, %v; want %q", got, err, tc.got)
					}
					if strings.Contains(tc.got, until) {
						if b, err := c.r.Peek(1); !errors.Is(err, io.EOF) {
							t.Errorf("got %q, %v; want the end of the connection", b, err)
						}
					} else if a := c.get("/after"); a.body != "/after" {
						t.Errorf("same client: got %q; want its own answer", a.body)
					}
					r.checkOthers(t)
				}
				if n := r.failures(); n != 0 {
					t.Errorf("the backend was blamed %d times; want 0", n)
				}
			})
		}
	}
}

// Bytes nobody asked for, said when the answer was long delivered, close the
// connection they came on: they are nobody's answer.
func TestLateBytesAreNobodysAnswer(t *testing.T) {
	for name, late := range map[string]string{
		"an answer": "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "half of one": "HTTP/1.1 200 OK\r\nContent-Le", "408": "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n",
		"one byte": "\n", "an interim answer": "HTTP/1.1 103 Early Hints\r\n\r\n", "TLS alert": "\x15\x03\x03\x00\x02\x01\x00",
	} {
		for _, hangs := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				s := &speaker{says: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/case", hangs: hangs, next: make(chan string), said: make(chan struct{})}
				r := start(t, plain, scripted(t, s.serve))
				c := r.dial()
				if a := c.get("/case"); a.body != "/case" {
					t.Fatalf("got %q; want /case", a.body)
				}
				s.next <- late
				<-s.said
				r.checkOthers(t)
				if n := s.again.Load(); n != 0 {
					t.Errorf("%d requests came on a connection that had spoken unasked; want 0", n)
				}
				if a := c.get("/after"); a.body != "/after" {
					t.Errorf("same client: got %q; want its own answer", a.body)
				}
			})
		}
	}
}

// A body that ends too early is seen to do so, in every framing and version.
func TestTruncatedResponsesLookTruncated(t *testing.T) {
	for name, says := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "length and nothing": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
		"chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nshort", "before the last chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
		"inside the last chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n", "inside the trailers": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\nX: y\r\n",
		"bad size": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n-1\r\n", "no chunk end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshortX\r\n0\r\n\r\n",
		"endless extension": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 10_000) + "\r\nshort\r\n0\r\n\r\n",
	} {
		for _, version := range []string{"1.1", "1.0"} {
			t.Run(name+" "+version, func(t *testing.T) {
				r := start(t, plain, scripted(t, (&speaker{says: says}).serve))
				c := r.dial()
				c.send("GET /case HTTP/" + version + "\r\nHost: t\r\n\r\n")
				resp, err := http.ReadResponse(c.r, nil)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
				}
				if err == nil && resp.StatusCode != http.StatusBadGateway {
					t.Error("the answer looks complete; want it broken")
				}
				r.checkOthers(t)
				if n := r.failures(); n != 1 {
					t.Errorf("the backend was blamed %d times; want 1", n)
				}
			})
		}
	}
}

// An answer whose first content is nonsense, in the same packet as its head, has
// not begun for the client: it gets 502, not silence.
func TestBadContentBesideTheHeadIsRefused(t *testing.T) {
	for _, reused := range []bool{false, true} {
		s := &speaker{says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", hangs: true}
		r := start(t, plain, scripted(t, s.serve))
		c := r.dial()
		if reused {
			c.get("/first1")
		}
		if a := c.get("/case"); a.StatusCode != 502 || a.Header.Get("X-Isame-Error") != "bad_response" || a.Close {
			t.Errorf("got %d %q, close %v; want 502 bad_response, kept", a.StatusCode, a.Header.Get("X-Isame-Error"), a.Close)
		}
		if a := c.get("/after"); a.body != "/after" {
			t.Errorf("same client: got %q; want its own answer", a.body)
		}
		if n := r.failures(); n != 1 {
			t.Errorf("the backend was blamed %d times; want 1", n)
		}
	}
}
