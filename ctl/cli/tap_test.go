package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/rs/zerolog"
)

// streaming is a process with streams.
type streaming struct {
	proxy

	server *ctl.Server
	events *feed.Feed
}

// startStreaming runs one until the test ends. Each tap shows the sample records, once.
func startStreaming(t *testing.T) *streaming {
	t.Helper()
	p := &streaming{events: feed.New()}
	p.server = ctl.New(ctl.Options{Address: "127.0.0.1:0", Logger: zerolog.Nop(), Sources: ctl.Sources{
		Routes: sampleRoutes, Pools: samplePools, Events: p.events,
		Tap: func(q *ctl.RecordQuery, _ float64) (ctl.Tap, error) {
			tap := &oneTap{}
			for _, r := range sampleRecords() {
				if q.StatusTo == 0 || r.Status >= q.StatusFrom && r.Status <= q.StatusTo {
					tap.list = append(tap.list, r)
				}
			}
			if q.Pool != "" {
				tap.lost = 1200
			}
			return tap, nil
		},
	}})
	if err := p.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	p.url = "http://" + p.server.Addr().String()
	return p
}

func (p *streaming) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

type oneTap struct {
	list []api.Record
	lost uint64
}

func (f *oneTap) Take() ([]api.Record, uint64) {
	list, lost := f.list, f.lost
	f.list, f.lost = nil, 0
	return list, lost
}

func (f *oneTap) Close() {}

func TestTapTable(t *testing.T) {
	p := startStreaming(t)
	for _, width := range []int{60, 80, 160} {
		got := run(&p.proxy, []string{fmt.Sprintf("COLUMNS=%d", width)}, "tap", "--count", "6")
		if got.code != ExitDone || got.stderr != "" {
			t.Fatalf("got %+v; want exit 0", got)
		}
		for line := range strings.Lines(got.stdout) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width || strings.Contains(line, "\x1b") {
				t.Errorf("line of %d characters: %q", n, line)
			}
		}
		compareGolden(t, fmt.Sprintf("tap.%d.txt", width), got.stdout)
	}
}

func TestTapOutputs(t *testing.T) {
	p := startStreaming(t)
	got := run(&p.proxy, nil, "tap", "--status", "5xx", "--count", "1", "-o", "json")
	var r api.Record
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != ExitDone || strings.Count(got.stdout, "\n") != 1 || r.Status != 502 || r.Cause != "connect_refused" {
		t.Errorf("JSON: got %+v, %v", got, err)
	}
	got = run(&p.proxy, nil, "tap", "--count", "2", "-o", "yaml")
	if got.code != ExitDone || strings.Count(got.stdout, "---\n") != 2 || !strings.Contains(got.stdout, "cause: connect_refused\n") {
		t.Errorf("YAML: got %+v", got)
	}
	got = run(&p.proxy, nil, "tap", "--count", "1", "--pool", "api")
	if got.code != ExitDone || !strings.Contains(got.stderr, "1,200 left out") {
		t.Errorf("what is lost: got %+v", got)
	}
}

// shown is a writer whose text can be read meanwhile.
type shown struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// beginRun is run for a command that goes on; done gets its exit code.
func beginRun(ctx context.Context, p *proxy, stdout, stderr io.Writer, args ...string) (done chan int) {
	done = make(chan int, 1)
	go func() {
		done <- Run(ctx, Env{
			Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Now: func() time.Time { return now },
			Environ: []string{"ISAME_ADMIN=" + p.url},
		}, args)
	}()
	return done
}

// until fails unless a text comes.
func (s *shown) until(t *testing.T, text string) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.String(), text); <-look.C {
		if time.Now().After(end) {
			t.Fatalf("%q does not come: %q", text, s.String())
		}
	}
}

// publishUntil publishes now and then until one who reads shows it.
func (p *streaming) publishUntil(t *testing.T, out *shown) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), "10.0.0.1:80"); <-look.C {
		if time.Now().After(end) {
			t.Fatal("nothing is shown")
		}
		p.events.Publish(api.BackendEvent{At: now, Pool: "api", Backend: "10.0.0.1:80", Change: "down", Reason: "no answer"})
	}
}

// The user's end is exit 0, that of the process exit 1.
func TestStreamsOfCommandsEnd(t *testing.T) {
	p := startStreaming(t)
	for _, command := range []string{"tap", "events"} {
		ctx, cancel := context.WithCancel(context.Background())
		var out, complaint, second, secondComplaint shown
		byUser := beginRun(ctx, &p.proxy, &out, &complaint, command)
		if command == "events" {
			p.publishUntil(t, &out)
		} else {
			out.until(t, "shop.example")
		}
		cancel()
		if code := <-byUser; code != ExitDone || complaint.String() != "" {
			t.Errorf("%s, Ctrl-C: exit %d, %q", command, code, complaint.String())
		}
		byProcess := beginRun(context.Background(), &p.proxy, &second, &secondComplaint, command)
		if command == "tap" {
			second.until(t, "shop.example")
			p.stop(t)
			if code := <-byProcess; code != ExitFailed || !strings.Contains(secondComplaint.String(), "the stream has ended") {
				t.Errorf("%s, the end of the process: exit %d, %q", command, code, secondComplaint.String())
			}
			p = startStreaming(t)
			continue
		}
		p.publishUntil(t, &second)
		p.stop(t)
		if code := <-byProcess; code != ExitFailed {
			t.Errorf("%s, the end of the process: exit %d, %q", command, code, secondComplaint.String())
		}
	}
}

func TestWrongTaps(t *testing.T) {
	p := startStreaming(t)
	for _, tc := range []struct {
		args string
		want int
		text string
	}{
		{"tap --status 5x", ExitFailed, "5xx"},
		{"tap --route ap", ExitFailed, `did you mean "api"`},
		{"tap --count 0", ExitUsage, "want 1 or more"},
		{"tap --al", ExitUsage, "unknown flag"},
		{"tap --all", ExitUsage, "one instance"},
		{"events --all", ExitUsage, "one instance"},
		{"tap x", ExitUsage, "tap"},
		{"tap --admin http://127.0.0.1:1", ExitUnreachable, "cannot reach"},
	} {
		if got := run(&p.proxy, nil, strings.Fields(tc.args)...); got.code != tc.want || !strings.Contains(got.stderr, tc.text) {
			t.Errorf("%s: got %+v; want exit %d with %q", tc.args, got, tc.want, tc.text)
		}
	}
}

func TestEventsTable(t *testing.T) {
	p := startStreaming(t)
	first := p.events.Boot() + "-0"
	weight := 3
	for _, e := range []api.Event{
		api.GenerationEvent{At: now, Generation: 1000000, Trigger: "api", Author: "deploy", Message: "more of it"},
		api.ReloadEvent{At: now, Result: api.ReloadApplied, Trigger: "signal", Author: "isame-lb", Generation: 8, Unchanged: true},
		api.ReloadEvent{At: now, Result: api.ReloadRefused, Trigger: "file", Author: "isame-lb", Reason: "isame.yaml:6:3: pools.x: has no backends"},
		api.BackendEvent{At: now, Pool: "api", Backend: "10.0.0.1:80", Change: "down", Reason: "status 500"},
		api.BackendEvent{At: now, Pool: "api", Backend: "10.0.0.1:80", Change: "weight", Weight: 3},
		api.BreakerEvent{At: now, Pool: "api", Backend: "10.0.0.1:80", Change: "opened", Last: "reset"},
		api.CertificateEvent{At: now, Listener: "web", Name: "a.test", Change: api.CertificateFailed, Failure: "no such host"},
		api.OverlayEvent{At: now, Pool: "api", Backend: "10.0.0.1:80", Change: api.OverlayWeight, Weight: &weight},
	} {
		p.events.Publish(e)
	}
	got := run(&p.proxy, []string{"COLUMNS=100"}, "events", "--after", first, "--count", "8")
	if got.code != ExitDone {
		t.Fatalf("got %+v", got)
	}
	compareGolden(t, "events.100.txt", got.stdout)
	got = run(&p.proxy, nil, "events", "--after", "another-7", "--count", "1", "-o", "json")
	var e struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &e); err != nil || e.Type != "reset" || e.ID != p.events.Boot()+"-8" {
		t.Errorf("got %+v, %v; want a reset", got, err)
	}
}
