package engine

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// call makes a call of gRPC with a message that nobody reads.
func (r *rig) call(t *testing.T, c *http.Client, path, timeout string) *http.Response {
	t.Helper()
	q, err := http.NewRequest(http.MethodPost, "http://example.com"+path, strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/grpc+proto")
	q.Header.Set("Te", "trailers")
	if timeout != "" {
		q.Header.Set("Grpc-Timeout", timeout)
	}
	resp, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

func TestCallsGetGRPCStatusFromBackend(t *testing.T) {
	r := start(t, overH2C, h2Backend(t, nil, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Type", "application/grpc+proto")
		if q.URL.Path == "/at-once" { // "Trailers-Only"
			w.Header().Set("Grpc-Status", "5")
			return
		}
		_, _ = w.Write([]byte("\x00\x00\x00\x00\x00"))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "9")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "not%20now")
	}))
	c := r.h2Client()
	resp := r.call(t, c, "/late", "")
	if resp.StatusCode != 200 || resp.Trailer.Get("Grpc-Status") != "9" || resp.Trailer.Get("Grpc-Message") != "not%20now" {
		t.Errorf("got %d, trailers %v; want the backend's", resp.StatusCode, resp.Trailer)
	}
	if resp = r.call(t, c, "/at-once", ""); resp.Header.Get("Grpc-Status") != "5" {
		t.Errorf("got %v; want grpc-status 5 in the head", resp.Header)
	}
}

func TestCallsGetGRPCStatusFromProxy(t *testing.T) {
	stuck := make(chan struct{})
	text := strings.Replace(overH2C, "{all: {pool: p}}", "{all: {path_prefix: /ok, pool: p}, none: {path_prefix: /none, pool: dead}}", 1)
	text = strings.Replace(text, "pools: {", `pools: {dead: {protocol: h2c, backends: [{address: "`+nobody(t)+`"}]}, `, 1)
	r := start(t, text, h2Backend(t, nil, func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer close(stuck)
	c := r.h2Client()
	for _, tc := range []struct{ name, path, timeout, status, cause string }{
		{"no route", "/else", "", "12", "no_route"},
		{"nobody there", "/none", "", "14", "connect_refused"},
		{"deadline", "/ok", "150m", "4", "timeout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			began := time.Now()
			resp := r.call(t, c, tc.path, tc.timeout)
			if resp.StatusCode != 200 || resp.Header.Get("Grpc-Status") != tc.status || resp.Header.Get("X-Isame-Error") != tc.cause ||
				resp.Header.Get("Content-Type") != "application/grpc" || resp.Header.Get("Grpc-Message") == "" {
				t.Errorf("got %d %v; want 200 with grpc-status %s because of %s", resp.StatusCode, resp.Header, tc.status, tc.cause)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Both sides of a stream may be silent for longer than a body may, once the answer
// has begun.
func TestStreamOutlivesTheGapOfBodies(t *testing.T) {
	text := strings.Replace(overH2C, "h2c: true", "h2c: true, timeouts: {body: 100ms}", 1)
	r := start(t, text, h2Backend(t, nil, func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(http.StatusOK)
		for word := make([]byte, 4); ; {
			_ = http.NewResponseController(w).Flush()
			if _, err := io.ReadFull(q.Body, word); err != nil {
				return
			}
			_, _ = w.Write(word)
		}
	}))
	c := r.h2Client()
	body, say := io.Pipe()
	q, err := http.NewRequest(http.MethodPost, "http://example.com/", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for range 2 {
		<-tick.C
		if _, err := say.Write([]byte("word")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
			t.Fatalf("after a silence: %v", err)
		}
	}
	_ = say.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v; want the end", rest, err)
	}
}

func TestGRPCTimeout(t *testing.T) {
	for _, tc := range []struct {
		text string
		want time.Duration
	}{
		{"1H", time.Hour},
		{"2M", 2 * time.Minute},
		{"3S", 3 * time.Second},
		{"99999999m", 99999999 * time.Millisecond},
		{"5u", 5 * time.Microsecond},
		{"6n", 6},
		{"99999999H", 0},
		{"", 0},
		{"1", 0},
		{"S", 0},
		{"1x", 0},
		{"-1S", 0},
		{"999999999S", 0},
		{"1 S", 0},
	} {
		if got := grpcTimeout([]byte(tc.text)); got != tc.want {
			t.Errorf("%q: got %v; want %v", tc.text, got, tc.want)
		}
	}
}
