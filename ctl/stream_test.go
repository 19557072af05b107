package ctl

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
)

// finite is the method for an endpoint whose answer is to be read to its end.
func finite(method, path string) string {
	if path == "/api/v1/events" || path == "/api/v1/tap" || path == "/api/v1/live" {
		return "HEAD"
	}
	return method
}

// sampleTap hands on what a test puts there.
type sampleTap struct {
	mu     sync.Mutex
	list   []api.Record
	lost   uint64
	asked  RecordQuery
	sample float64
	open   int
}

func (f *sampleTap) Take() ([]api.Record, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, lost := f.list, f.lost
	f.list, f.lost = nil, 0
	return list, lost
}

func (f *sampleTap) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

func (f *sampleTap) put(lost uint64, list ...api.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.lost = append(f.list, list...), f.lost+lost
}

// begin is the source of a server.
func (f *sampleTap) begin(q *RecordQuery, sample float64) (Tap, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.sample = *q, sample
	f.open++
	return f, nil
}

// opened is how many are open.
func (f *sampleTap) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// reading is a stream that a test reads.
type reading struct {
	t      *testing.T
	conn   net.Conn
	lines  *bufio.Reader
	header http.Header
	status int
}

// follow asks for a stream with these header fields.
func follow(t *testing.T, s *Server, path, fields string) *reading {
	t.Helper()
	c := dial(t, s)
	return followOn(t, c, s, path, fields)
}

func followOn(t *testing.T, c net.Conn, s *Server, path, fields string) *reading {
	t.Helper()
	text := "GET " + path + " HTTP/1.1\r\nHost: " + s.Addr().String() + "\r\n" + fields + "\r\n"
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	return &reading{t, c, bufio.NewReader(resp.Body), resp.Header, resp.StatusCode}
}

// block is the next lines up to an empty one; "" is the end.
func (r *reading) block() string {
	r.t.Helper()
	var text strings.Builder
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.t.Fatalf("after %q: %v", text.String(), err)
			}
			return text.String()
		}
		if line == "\n" {
			return text.String()
		}
		text.WriteString(line)
	}
}

// event is the next block that is no comment, nor an id alone.
func (r *reading) event() (id, kind string, data map[string]any) {
	r.t.Helper()
	for {
		text := r.block()
		if text == "" {
			return "", "", nil
		}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "id":
				id = value
			case "event":
				kind = value
			case "data":
				if err := json.Unmarshal([]byte(value), &data); err != nil {
					r.t.Fatalf("%q: %v", value, err)
				}
			}
		}
		if kind != "" {
			return id, kind, data
		}
	}
}

// begun reads up to the id that a stream of events begins with.
func (r *reading) begun() string {
	r.t.Helper()
	for {
		text := r.block()
		if id, ok := strings.CutPrefix(text, "id: "); ok || text == "" {
			return strings.TrimSpace(id)
		}
	}
}

// until fails unless something comes about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(10 * time.Second); !condition(); <-look.C {
		if time.Now().After(end) {
			t.Fatal(what + " does not come about")
		}
	}
}

func TestEventsAreTold(t *testing.T) {
	f := feed.New()
	s := start(t, Options{Sources: Sources{Events: f}})
	r := follow(t, s, "/api/v1/events", "Accept: text/event-stream\r\n")
	if r.status != 200 || r.header.Get("Content-Type") != "text/event-stream" || r.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v", r.status, r.header)
	}
	if id := r.begun(); id != f.Boot()+"-0" {
		t.Errorf("it begins behind %q; want nothing before", id)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Publish(api.BackendEvent{At: at, Pool: "api", Backend: "10.0.0.1:80", Change: "down", Reason: "two\nlines\r\n\n<&>"})
	f.Publish(api.ReloadEvent{At: at, Result: api.ReloadRefused, Trigger: "file"})
	id, kind, data := r.event()
	if id != f.Boot()+"-1" || kind != "backend" || data["reason"] != "two\nlines\r\n\n<&>" || data["at"] != "2026-01-02T03:04:05Z" || data["up"] != false {
		t.Errorf("got %s %s %v", id, kind, data)
	}
	if id, kind, data = r.event(); id != f.Boot()+"-2" || kind != "reload" || data["result"] != "refused" {
		t.Errorf("got %s %s %v", id, kind, data)
	}
}

func TestEventsResume(t *testing.T) {
	f := feed.New()
	s := start(t, Options{Sources: Sources{Events: f}})
	for n := range feed.Kept + 5 {
		f.Publish(api.GenerationEvent{Generation: uint64(n + 1)})
	}
	r := follow(t, s, "/api/v1/events", "Last-Event-ID: "+f.Boot()+"-1003\r\n")
	for _, want := range []float64{1004, 1005} {
		if id, kind, data := r.event(); kind != "generation" || data["generation"] != want || id != fmt.Sprintf("%s-%v", f.Boot(), want) {
			t.Errorf("got %s %s %v; want generation %v", id, kind, data, want)
		}
	}
	for _, old := range []string{f.Boot() + "-4", "another-run-1003", "7"} {
		r = follow(t, s, "/api/v1/events", "Last-Event-ID: "+old+"\r\n")
		id, kind, data := r.event()
		if kind != "reset" || data["last_event_id"] != old || id != f.Boot()+"-1005" {
			t.Errorf("behind %s: got %s %s %v; want a reset, that can be resumed behind", old, id, kind, data)
		}
	}
	f.Publish(api.GenerationEvent{Generation: 1006})
	if _, kind, data := r.event(); kind != "generation" || data["generation"] != float64(1006) {
		t.Errorf("after the reset: got %s %v", kind, data)
	}
}

// A reader that does not read holds up nobody, and is told what it has lost, in the order
// of the events.
func TestSlowReadersAreToldWhatTheyLost(t *testing.T) {
	f := feed.New()
	s := start(t, Options{Sources: Sources{Events: f}})
	r := follow(t, s, "/api/v1/events", "")
	r.begun()
	long := strings.Repeat("x", 4096)
	const most = 20_000 // more than sockets hold, by far
	for n := range most {
		f.Publish(api.GenerationEvent{Generation: uint64(n + 1), Message: long})
	}
	next, lost := 1.0, 0.0
	for next <= most {
		_, kind, data := r.event()
		switch kind {
		case "dropped":
			dropped, _ := data["dropped"].(float64)
			lost += dropped
			next += dropped
		case "generation":
			if data["generation"] != next {
				t.Fatalf("got %v; want %v", data["generation"], next)
			}
			next++
		default:
			t.Fatalf("got %q", kind)
		}
	}
	if lost == 0 || lost > most-feed.Kept {
		t.Errorf("%v were lost", lost)
	}
}

func TestStreamsAreAlive(t *testing.T) {
	s := start(t, Options{Timeouts: Timeouts{Beat: time.Millisecond, Write: 10 * time.Second}, Sources: Sources{Events: feed.New(), Tap: (&sampleTap{}).begin}})
	for _, path := range []string{"/api/v1/events", "/api/v1/tap"} {
		r := follow(t, s, path, "")
		for comments := 0; comments < 5; {
			if r.block() == ":\n" {
				comments++
			}
		}
	}
}

// The time for an answer is one for each piece, not for all.
func TestStreamsOutliveTheTimeOfAnAnswer(t *testing.T) {
	s := start(t, Options{Timeouts: Timeouts{Beat: 50 * time.Millisecond, Write: 400 * time.Millisecond, Request: 400 * time.Millisecond}, Sources: Sources{Events: feed.New()}})
	r := follow(t, s, "/api/v1/events", "")
	for began := time.Now(); time.Since(began) < time.Second; {
		if r.block() == "" {
			t.Fatalf("it ended after %v", time.Since(began))
		}
	}
}

// Over TLS it is the same: what is told, and that one who has left is noticed.
func TestStreamsOverTLS(t *testing.T) {
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer lender.Close()
	tap := &sampleTap{}
	s := start(t, Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}, Sources: Sources{Tap: tap.begin}})
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	c := tls.Client(dial(t, s), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	r := followOn(t, c, s, "/api/v1/tap", "")
	for _, path := range []string{"/1", "/2"} {
		tap.put(0, api.Record{Path: path})
		if _, kind, data := r.event(); kind != "exchange" || data["path"] != path {
			t.Errorf("got %s %v; want %s", kind, data, path)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "that one who has left is noticed", func() bool { return tap.opened() == 0 })
	other := followOn(t, tls.Client(dial(t, s), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}), s, "/api/v1/tap", "")
	s.SetAccess(&Access{}) // in clear text from now on
	for text := other.block(); text != ""; text = other.block() {
		if text != ":\n" && text != ":who may see this has changed\n" {
			t.Errorf("got %q; want the end", text)
		}
	}
}

func TestTapTellsExchanges(t *testing.T) {
	tap := &sampleTap{}
	s := start(t, Options{Sources: Sources{Tap: tap.begin, Routes: sampleSources(nil).Routes, Pools: samplePools}})
	r := follow(t, s, "/api/v1/tap?route=all&pool=api&backend=unix%3A%2Frun%2Fb.sock&status=5xx&cause=reset&client=192.0.2.0/24&slower=200ms&sample=0.25", "")
	tap.put(0, api.Record{Path: "/1", Status: 502}, api.Record{Path: "/2"})
	for _, want := range []string{"/1", "/2"} {
		if id, kind, data := r.event(); id != "" || kind != "exchange" || data["path"] != want {
			t.Errorf("got %q %s %v; want %s", id, kind, data, want)
		}
	}
	tap.put(7, api.Record{Path: "/3"})
	if _, kind, data := r.event(); kind != "dropped" || data["dropped"] != float64(7) {
		t.Errorf("got %s %v; want 7 dropped", kind, data)
	}
	q := tap.asked
	if q.Route != "all" || q.Pool != "api" || q.Backend != "unix:/run/b.sock" || q.StatusFrom != 500 || q.StatusTo != 599 || !q.CauseSet ||
		q.Cause.Word() != "reset" || q.Client.String() != "192.0.2.0/24" || q.Slower != 200*time.Millisecond || tap.sample != 0.25 {
		t.Errorf("asked %+v, sample %v", q, tap.sample)
	}
}

func TestTapParametersThatAreRefused(t *testing.T) {
	tap := &sampleTap{}
	s := start(t, Options{Sources: Sources{Tap: tap.begin, Routes: sampleSources(nil).Routes, Pools: samplePools}})
	for query, want := range map[string]string{
		"rout=all": "did you mean", "route=": "is empty", "route=all&route=all": "comes twice", "route=al": `there is no route \"al\" (did you mean \"all\"?)`,
		"pool=x": "there is no pool", "backend=10.0.0.9:1": "there is no backend", "status=5x": "5xx", "cause=rest": "no word of the list",
		"client=here": "neither an address", "slower=long": "no duration", "sample=2": "0 to 1", "sample=-0.1": "0 to 1", "sample=NaN": "0 to 1",
		"sample=": "0 to 1", "limit=3": "not known", "host=a.test": "not known", "since=1m": "not known",
	} {
		got := raw(t, s, request("GET", "/api/v1/tap?"+query, "", ""))
		if got.status != 400 || !strings.Contains(got.body, want) || !strings.Contains(got.body, `"unknown_parameter"`) {
			t.Errorf("%s: got %d %s; want 400 with %q", query, got.status, got.body, want)
		}
	}
	if tap.opened() != 0 {
		t.Error("a tap is open")
	}
}

func TestEightMayTap(t *testing.T) {
	tap := &sampleTap{}
	s := start(t, Options{Sources: Sources{Tap: tap.begin, Events: feed.New()}})
	readers := make([]*reading, tapReadersMax)
	for i := range readers {
		readers[i] = follow(t, s, "/api/v1/tap", "")
	}
	if got := raw(t, s, request("GET", "/api/v1/tap", "", "")); got.status != 409 || !strings.Contains(got.body, `"busy"`) {
		t.Errorf("one more: got %d %s; want 409 busy", got.status, got.body)
	}
	if got := follow(t, s, "/api/v1/events", ""); got.status != 200 { // which are counted by themselves
		t.Errorf("events: got %d", got.status)
	}
	if err := readers[3].conn.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "that one who has left is noticed", func() bool { return tap.opened() == tapReadersMax-1 })
	if got := follow(t, s, "/api/v1/tap", ""); got.status != 200 {
		t.Errorf("in its place: got %d", got.status)
	}
}

func TestWhoCannotReadAStreamIsTold(t *testing.T) {
	tap := &sampleTap{}
	s := start(t, Options{Sources: Sources{Events: feed.New(), Tap: tap.begin}})
	for accept, want := range map[string]int{
		"application/json": 406, "text/event-stream;q=0": 406, "text/html, application/xhtml+xml": 406,
		"*/*": 200, "text/html, text/*;q=0.5": 200, "application/json, text/event-stream": 200, "": 200,
	} {
		fields := ""
		if accept != "" {
			fields = "Accept: " + accept + "\r\n"
		}
		if got := raw(t, s, request("HEAD", "/api/v1/events", fields, "")); got.status != want {
			t.Errorf("HEAD, Accept %q: got %d; want %d", accept, got.status, want)
		}
		r := follow(t, s, "/api/v1/tap", fields)
		if r.status != want {
			t.Errorf("Accept %q: got %d; want %d", accept, r.status, want)
		}
		_ = r.conn.Close()
	}
	if got := raw(t, s, "GET /api/v1/events HTTP/1.0\r\nHost: $HOST\r\n\r\n"); got.status != 505 {
		t.Errorf("HTTP/1.0: got %d; want 505", got.status)
	}
	if got := raw(t, s, request("HEAD", "/api/v1/tap?sample=3", "", "")); got.status != 400 {
		t.Errorf("HEAD with a wrong value: got %d; want 400", got.status)
	}
	until(t, "the end of all", func() bool { return tap.opened() == 0 })
}

// Shutdown ends the streams, with what was published before it, and waits for no reader.
func TestShutdownEndsStreams(t *testing.T) {
	f, tap := feed.New(), &sampleTap{}
	s := New(Options{Address: "127.0.0.1:0", Sources: Sources{Events: f, Tap: tap.begin}})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	taps, deaf := follow(t, s, "/api/v1/tap", ""), follow(t, s, "/api/v1/events", "")
	deaf.begun()
	long := strings.Repeat("x", 1<<16)
	for range 500 { // deaf does not read them
		f.Publish(api.GenerationEvent{Generation: 7, Message: long})
	}
	tap.put(0, api.Record{Path: "/last"})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, data := taps.event(); data["path"] != "/last" {
		t.Errorf("got %v; want what came before the end", data)
	}
	if last := taps.block(); last != ":the process ends\n" || taps.block() != "" {
		t.Errorf("the last word is %q", last)
	}
	if tap.opened() != 0 {
		t.Error("a tap is open")
	}
}

// Whoever may not see a stream any more does not, and others go on.
func TestStreamsEndWithTheirToken(t *testing.T) {
	f := feed.New()
	s := start(t, Options{Tokens: oneOfEach(), Sources: Sources{Events: f}})
	gone, stays := follow(t, s, "/api/v1/events", bearer("secret-read")), follow(t, s, "/api/v1/events", bearer("secret-write"))
	gone.begun()
	stays.begun()
	s.SetAccess(&Access{Tokens: oneOfEach()[len(oneOfEach())-1:]})
	if text := gone.block(); text != ":who may see this has changed\n" || gone.block() != "" {
		t.Errorf("got %q; want the end, and why", text)
	}
	f.Publish(api.GenerationEvent{Generation: 8})
	if _, kind, _ := stays.event(); kind != "generation" {
		t.Errorf("the other one: got %q", kind)
	}
}
