package origin

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// begin starts an origin for one test.
func begin(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	a, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(b)
}

func TestFixedAnswer(t *testing.T) {
	s := begin(t, Options{Name: "o", Status: 201, Body: []byte("made"), Header: []string{"X-A: 1", "X-A: 2"}})
	a, body := get(t, "http://"+s.Addrs()[0]+"/any")
	if a.StatusCode != 201 || body != "made" || a.Header.Get("X-Origin") != "o" || !slices.Equal(a.Header["X-A"], []string{"1", "2"}) {
		t.Errorf("got %d %q %v", a.StatusCode, body, a.Header)
	}
	if a, body := get(t, "http://"+s.Addrs()[0]+"/health"); a.StatusCode != 200 || body != "ok\n" {
		t.Errorf("/health: got %d %q; want 200", a.StatusCode, body)
	}
}

func TestSizesAndStatusesOnRequest(t *testing.T) {
	s := begin(t, Options{Size: 1000})
	for _, tc := range []struct {
		query  string
		status int
		bytes  int
	}{
		{"", 200, 1000},
		{"?size=0", 200, 0},
		{"?size=16KiB", 200, 16384},
		{"?size=2MB", 200, 2000000},
		{"?size=1&status=404", 404, 1},
		{"?size=x", 400, -1},
		{"?size=2GiB", 400, -1},
		{"?status=99", 400, -1},
		{"?delay=soon", 400, -1},
	} {
		a, body := get(t, "http://"+s.Addrs()[0]+"/"+tc.query)
		if a.StatusCode != tc.status || tc.bytes >= 0 && len(body) != tc.bytes {
			t.Errorf("%q: got %d and %d bytes; want %d and %d", tc.query, a.StatusCode, len(body), tc.status, tc.bytes)
		}
		if tc.bytes >= 0 && a.ContentLength != int64(tc.bytes) {
			t.Errorf("%q: got Content-Length %d; want %d", tc.query, a.ContentLength, tc.bytes)
		}
	}
}

func TestEchoReturnsTheBody(t *testing.T) {
	s := begin(t, Options{Echo: true})
	for _, n := range []int{0, 5, 100000, 6 << 20} {
		for _, chunked := range []bool{false, true} {
			text := strings.Repeat("x", n)
			var body io.Reader = strings.NewReader(text)
			if chunked {
				body = io.MultiReader(body) // length unknown to the client
			}
			a, err := http.Post("http://"+s.Addrs()[0]+"/e?f", "text/x-test", body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(a.Body)
			a.Body.Close()
			if err != nil || string(got) != text {
				t.Errorf("%d bytes, chunked %t: got %d bytes, %v", n, chunked, len(got), err)
			}
			if a.Header.Get("X-Echo-Uri") != "/e?f" || a.Header.Get("X-Echo-Method") != "POST" || n > 0 && a.Header.Get("Content-Type") != "text/x-test" {
				t.Errorf("got %v; want method, URI and type of the request", a.Header)
			}
		}
	}
}

func TestInspectShowsTheRequest(t *testing.T) {
	s := begin(t, Options{})
	r, err := http.NewRequest(http.MethodPost, "http://"+s.Addrs()[0]+"/inspect?a=b", strings.NewReader("12345"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Add("X-A", "1")
	r.Header.Add("X-A", "2")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var got inspection
	if err := json.NewDecoder(a.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URI != "/inspect?a=b" || got.BodyBytes != 5 ||
		!slices.Contains(got.Header, [2]string{"X-A", "1"}) || !slices.Contains(got.Header, [2]string{"X-A", "2"}) {
		t.Errorf("got %+v", got)
	}
}

func TestErrorShare(t *testing.T) {
	s := begin(t, Options{Errors: 0.3, ErrorStatus: 500})
	failed := 0
	for range 1000 {
		if a, _ := get(t, "http://"+s.Addrs()[0]+"/"); a.StatusCode == 500 {
			failed++
		}
	}
	if failed < 220 || failed > 380 { // 5.5 standard deviations
		t.Errorf("got %d of 1000 failed; want about 300", failed)
	}
}

func TestDelayIsWaited(t *testing.T) {
	d, err := ParseDelay("60ms")
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, Options{Delay: d})
	from := time.Now()
	get(t, "http://"+s.Addrs()[0]+"/")
	if took := time.Since(from); took < 60*time.Millisecond {
		t.Errorf("got %s; want 60ms at least", took)
	}
}

func TestEventsComeOneByOne(t *testing.T) {
	s := begin(t, Options{})
	a, err := http.Get("http://" + s.Addrs()[0] + "/sse?count=2&interval=1h")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("got %v", a.Header)
	}
	// The first event must be here although the second is an hour away.
	line, err := bufio.NewReader(a.Body).ReadString('\n')
	if err != nil || line != "id: 0\n" {
		t.Errorf("got %q, %v; want the first event", line, err)
	}
}

func TestDripSendsPieces(t *testing.T) {
	s := begin(t, Options{})
	if a, body := get(t, "http://"+s.Addrs()[0]+"/drip?size=1000&pieces=7&interval=1ms"); len(body) != 1000 || a.ContentLength != 1000 {
		t.Errorf("got %d bytes, Content-Length %d; want 1000", len(body), a.ContentLength)
	}
	a, err := http.Get("http://" + s.Addrs()[0] + "/drip?size=100&pieces=10&interval=1h")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b := make([]byte, 100)
	if n, err := io.ReadFull(a.Body, b[:10]); n != 10 || err != nil {
		t.Errorf("got %d bytes, %v; want the first piece of 10", n, err)
	}
	if a, _ := get(t, "http://"+s.Addrs()[0]+"/drip?pieces=0"); a.StatusCode != 400 {
		t.Errorf("pieces=0: got %d; want 400", a.StatusCode)
	}
}

func TestSeveralListenersHaveNames(t *testing.T) {
	s := begin(t, Options{Count: 3, Name: "n"})
	if len(s.Addrs()) != 3 || !slices.Equal(s.Names(), []string{"n-1", "n-2", "n-3"}) {
		t.Fatalf("got %v %v; want three", s.Addrs(), s.Names())
	}
	for i, address := range s.Addrs() {
		if a, _ := get(t, "http://"+address+"/"); a.Header.Get("X-Origin") != "n-"+strconv.Itoa(i+1) {
			t.Errorf("%s: got X-Origin %q", address, a.Header.Get("X-Origin"))
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o")
	for range 2 { // the second one finds the socket file of the first
		s, err := Start(t.Context(), Options{Listen: "unix:" + path})
		if err != nil {
			t.Fatal(err)
		}
		if s.Addrs()[0] != "unix:"+path {
			t.Errorf("got %q", s.Addrs()[0])
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if b, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") {
			t.Errorf("got %q, %v", b, err)
		}
		c.Close()
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	taken := begin(t, Options{}).Addrs()[0]
	for _, tc := range []struct {
		name string
		o    Options
		want string
	}{
		{"address in use", Options{Listen: taken}, taken},
		{"no port", Options{Listen: "localhost"}, "localhost"},
		{"status", Options{Status: 99}, "status"},
		{"errors", Options{Errors: 1.5}, "share"},
		{"size", Options{Size: -1}, "bytes"},
		{"header", Options{Header: []string{"nonsense"}}, "header"},
		{"count", Options{Count: -1}, "listeners"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := Start(t.Context(), tc.o)
			if err == nil {
				_ = s.Close(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want an error with %q", err, tc.want)
			}
		})
	}
}

func TestDelayDistributions(t *testing.T) {
	for _, tc := range []struct {
		text string
		want map[float64]time.Duration // by quantile
	}{
		{"5ms", map[float64]time.Duration{0.01: 5 * time.Millisecond, 0.99: 5 * time.Millisecond}},
		{"exp:5ms", map[float64]time.Duration{0.5: 3466 * time.Microsecond, 0.9: 11513 * time.Microsecond}},
		{"normal:10ms,1ms", map[float64]time.Duration{0.5: 10 * time.Millisecond, 0.8413: 11 * time.Millisecond}},
		{"uniform:1ms,9ms", map[float64]time.Duration{0.5: 5 * time.Millisecond, 0.75: 7 * time.Millisecond}},
		{"p50=5ms,p99=40ms", map[float64]time.Duration{0.5: 5 * time.Millisecond, 0.99: 40 * time.Millisecond}},
		{"p50=1ms,p90=2ms,p99=50ms", map[float64]time.Duration{0.5: time.Millisecond, 0.9: 2 * time.Millisecond, 0.99: 50 * time.Millisecond}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			d, err := ParseDelay(tc.text)
			if err != nil || d.None() || d.String() != tc.text {
				t.Fatalf("got %v, %v", d, err)
			}
			values := make([]time.Duration, 100000)
			for i := range values {
				values[i] = d.Draw()
			}
			slices.Sort(values)
			for q, want := range tc.want {
				got := values[int(q*float64(len(values)))]
				if math.Abs(float64(got-want)) > 0.12*float64(want) {
					t.Errorf("quantile %g: got %s; want %s within 12 %%", q, got, want)
				}
			}
		})
	}
	if d, err := ParseDelay(""); err != nil || !d.None() || d.Draw() != 0 {
		t.Errorf("an empty delay: got %v, %v", d, err)
	}
	for _, bad := range []string{"5", "x:1ms", "exp:", "exp:1ms,2ms", "normal:1ms", "-5ms", "p50=1ms", "p50=5ms,p40=6ms", "p50=5ms,p99=1ms", "p100=1ms,p101=2ms", "q50=1ms,p99=2ms"} {
		if _, err := ParseDelay(bad); err == nil {
			t.Errorf("%q must be refused", bad)
		}
	}
}

func FuzzParseDelay(f *testing.F) {
	for _, text := range []string{"5ms", "exp:5ms", "normal:1ms,1us", "p50=1ms,p99=1h", "uniform:0s,1s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDelay(text)
		if err != nil {
			return
		}
		for range 20 {
			if v := d.Draw(); v < 0 || v > delayMax {
				t.Errorf("%q: got %s; want 0 to %s", text, v, delayMax)
			}
		}
	})
}

// TestContentComesApart: an answer is whole, and its head is written alone.
func TestContentComesApart(t *testing.T) {
	s := begin(t, Options{Apart: true, Body: []byte("content")})
	c, err := net.Dial("tcp", s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(a.Body); err != nil || string(body) != "content" {
		t.Fatalf("got %q, %v", body, err)
	}
	w := &writesOf{}
	for _, text := range []string{"HTTP/1.1 200 OK\r\n\r\nbody", "HTTP/1.1 204 No Content\r\n\r\n", "more"} {
		if n, err := (apartConn{w}).Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
	}
	if got := strings.Join(w.texts, "|"); got != "HTTP/1.1 200 OK\r\n\r\n|body|HTTP/1.1 204 No Content\r\n\r\n|more" {
		t.Errorf("got %q; want heads apart", got)
	}
}

// writesOf keeps what is written to it, one by one.
type writesOf struct {
	net.Conn

	texts []string
}

func (w *writesOf) Write(p []byte) (int, error) {
	w.texts = append(w.texts, string(p))
	return len(p), nil
}
