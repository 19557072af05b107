package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEventsOfAStreamAreRead(t *testing.T) {
	const text = ":\n\nid: a-1\n\nevent: backend\nid: a-2\ndata: {\"x\":1}\nretry: 5\n\n" +
		"data:one\ndata: two\r\n\n\n:comment\n\nevent: later\n\nevent: cut\ndata: no empty line follows"
	var got []string
	err := readEvents(strings.NewReader(text), func() {}, func(e *Event) error {
		got = append(got, e.ID+"|"+e.Type+"|"+string(e.Data))
		return nil
	})
	if want := "a-2|backend|{\"x\":1} a-2||one\ntwo"; strings.Join(got, " ") != want || !errors.Is(err, ErrEnded) {
		t.Errorf("got %q, %v; want %q and the end", got, err, want)
	}
	enough := errors.New("enough")
	if err := readEvents(strings.NewReader(text), func() {}, func(*Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v; want the error of who reads", err)
	}
	if err := readEvents(strings.NewReader("data: "+strings.Repeat("x", 2<<20)), func() {}, nil); err == nil || errors.Is(err, ErrEnded) {
		t.Errorf("a line without end: got %v", err)
	}
}

// What a stream may end by: the answer, the process, the caller, and silence at the begin.
func TestStreamsEnd(t *testing.T) {
	silent := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/events" && r.Header.Get("Last-Event-ID") == "a-1":
			_, _ = io.WriteString(w, "id: a-2\nevent: backend\ndata: {}\n\n")
		case r.URL.Path == "/api/v1/events":
			_, _ = io.WriteString(w, ":\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case r.URL.Query().Get("route") == "none":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":400,"title":"Bad Request","code":"unknown_parameter","detail":"no"}`)
		default:
			<-silent
		}
	}))
	defer s.Close()
	defer close(silent)
	c, err := New(Options{Admin: s.URL, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := 0
	each := func(*Event) error { n++; return nil }
	if err := c.Events(context.Background(), "a-1", each); !errors.Is(err, ErrEnded) || n != 1 {
		t.Errorf("the end of the process: got %v, %d events", err, n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond) // later than the time for the begin
	defer cancel()
	if err := c.Events(ctx, "", each); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the end of the caller: got %v", err)
	}
	if err := c.Tap(context.Background(), map[string][]string{"route": {"none"}}, each); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("a refusal: got %v", err)
	}
	unreachable := &UnreachableError{}
	if err := c.Tap(context.Background(), nil, each); !errors.As(err, &unreachable) {
		t.Errorf("no answer: got %v", err)
	}
}
