package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// alike runs check with a client of each version of HTTP, on a listener of alikeText.
func alike(t *testing.T, address string, check func(t *testing.T, r *rig, get func(path string) *http.Response)) {
	t.Helper()
	r := start(t, strings.Replace(h3Text(t), "away: {path: /away, redirect: {to: \"{scheme}://{host}/here\"}}",
		"away: {path_prefix: /away, redirect: {to: \"{scheme}://b.test{uri}\"}}\n  admin: {path_prefix: /admin, respond: {status: 403}}", 1), address)
	h3, _ := r.h3Client()
	for name, c := range map[string]*http.Client{"HTTP/1.1": r.h1TLSClient(), "HTTP/2.0": r.h2TLSClient(), "HTTP/3.0": h3} {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		t.Run(name, func(t *testing.T) {
			check(t, r, func(path string) *http.Response {
				t.Helper()
				resp, err := c.Get("https://a.test" + path)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.Proto != name {
					t.Errorf("got %s; want %s", resp.Proto, name)
				}
				return resp
			})
		})
	}
}

// answering is a backend whose answer to each request is head and a body of "ok".
func answering(t *testing.T, head func(q *http.Request) string) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			_, _ = io.WriteString(c, head(q)+"Content-Length: 2\r\n\r\nok")
		}
	})
}

func TestAnswersWithoutDateGetOne(t *testing.T) {
	const own = "Mon, 01 Jan 2001 00:00:00 GMT"
	address := answering(t, func(q *http.Request) string {
		if q.URL.Path == "/dated" {
			return "HTTP/1.1 200 OK\r\ndate: " + own + "\r\n"
		}
		return "HTTP/1.1 200 OK\r\n"
	})
	alike(t, address, func(t *testing.T, _ *rig, get func(string) *http.Response) {
		t.Helper()
		if got := get("/dated").Header.Values("Date"); len(got) != 1 || got[0] != own {
			t.Errorf("got %q; want the backend's own", got)
		}
		got := get("/").Header.Values("Date")
		if len(got) != 1 {
			t.Fatalf("got %q; want one", got)
		}
		if at, err := http.ParseTime(got[0]); err != nil || time.Since(at).Abs() > 10*time.Second {
			t.Errorf("got %q; want now", got)
		}
	})
}

// What is above 599 passes as it came, and counts as a 5xx (RFC 9110 section 15).
func TestStatusesAbove599Pass(t *testing.T) {
	address := answering(t, func(q *http.Request) string {
		return "HTTP/1.1 " + q.URL.Path[1:] + " Odd\r\n"
	})
	alike(t, address, func(t *testing.T, r *rig, get func(string) *http.Response) {
		t.Helper()
		for _, status := range []int{600, 799, 999} {
			was := r.engine.Pools()[0].Backends[0]
			if got := get("/" + strconv.Itoa(status)); got.StatusCode != status || got.Header.Get("X-Isame-Error") != "" {
				t.Errorf("got %d %v; want %d", got.StatusCode, got.Header, status)
			}
			member := r.engine.table.Load().pools.Pools()[0].Members()[0]
			eventually(t, func() string { return "the answer counts as a failure" }, func() bool {
				return r.engine.Pools()[0].Backends[0].Failures == was.Failures+1 && member.Codes()[0] == 0
			})
		}
	})
}

// Paths reach backends byte for byte, but for dot segments; routes see repeated slashes
// as one.
func TestRepeatedSlashesReachBackends(t *testing.T) {
	address := answering(t, func(q *http.Request) string { return "HTTP/1.1 200 OK\r\nX-Seen: " + q.RequestURI + "\r\n" })
	alike(t, address, func(t *testing.T, _ *rig, get func(string) *http.Response) {
		t.Helper()
		for path, want := range map[string]string{
			"/a//b": "/a//b", "/a///b//?x=//y": "/a///b//?x=//y", "/fetch/https://h/x": "/fetch/https://h/x",
			"/a/./b//c": "/a/b//c", "/a/../b//c": "/b//c", "/bucket//key/../k2//": "/bucket//k2//",
		} {
			if got := get(path).Header.Get("X-Seen"); got != want {
				t.Errorf("%s: got %q; want %q", path, got, want)
			}
		}
		for _, path := range []string{"//admin", "/x/..//admin", "///admin//x", "//./admin", "/x//../..//admin"} {
			if got := get(path).StatusCode; got != 403 {
				t.Errorf("%s: got %d; want the route of /admin", path, got)
			}
		}
		if got := get("/away//b//c?d").Header.Get("Location"); got != "https://b.test/away//b//c?d" {
			t.Errorf("got %q; want the slashes kept", got)
		}
	})
}

// Answers whose length is written oddly, but can be read in one way only, reach
// clients with one length.
func TestOddLengthsOfBackendsAreMended(t *testing.T) {
	address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			lines := map[string]string{"/zeros": "Content-Length: 002\r\n", "/twice": "Content-Length: 2\r\nContent-Length: 2\r\n", "/list": "Content-Length: 2, 2\r\n"}[q.URL.Path]
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+lines+"\r\nok")
		}
	})
	alike(t, address, func(t *testing.T, _ *rig, get func(string) *http.Response) {
		t.Helper()
		for _, path := range []string{"/zeros", "/twice", "/list"} {
			if got := get(path); got.StatusCode != 200 || got.ContentLength != 2 || fmt.Sprint(got.Header["Content-Length"]) != "[2]" {
				t.Errorf("%s: got %d %v; want one length of 2", path, got.StatusCode, got.Header)
			}
		}
	})
}

// Heads of answers pass up to the limit of their pool, and not beyond it.
func TestAnswerHeadsAreBoundedByTheirPool(t *testing.T) {
	answer := func(w http.ResponseWriter, q *http.Request) {
		n, _ := strconv.Atoi(q.URL.Path[1:])
		for i := 0; n > 0; i++ {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", min(n, 4096)))
			n -= 4096
		}
		_, _ = io.WriteString(w, "ok")
	}
	for _, limit := range []struct {
		text            string
		passes, refused int
	}{
		{"", 63 << 10, 65 << 10}, {"limits: {header_bytes: 8KiB}, ", 7 << 10, 9 << 10}, {"limits: {header_bytes: 200KiB}, ", 190 << 10, 210 << 10},
	} {
		for name, text := range map[string]string{"HTTP/1.1": plain, "HTTP/2": overH2C} {
			t.Run(limit.text+name, func(t *testing.T) {
				var address string
				if text == overH2C {
					address = h2Backend(t, nil, answer)
				} else {
					address = backend(t, answer)
				}
				r := start(t, strings.Replace(text, "p: {", "p: {"+limit.text, 1), address)
				for size, want := range map[int]int{limit.passes - 2048: 200, limit.refused: 502} {
					if a := r.dial().get("/" + strconv.Itoa(size)); a.StatusCode != want {
						t.Errorf("%d bytes: got %d %q; want %d", size, a.StatusCode, a.Header.Get("X-Isame-Error"), want)
					}
				}
				if a := r.dial().get("/10"); a.StatusCode != 200 {
					t.Errorf("afterwards: got %d", a.StatusCode)
				}
			})
		}
	}
}
