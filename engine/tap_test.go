package engine

import (
	"io"
	"strings"
	"testing"

	records "github.com/isame-lb/isame-lb/engine/record"
)

// tapped collects what a tap hands on.
type tapped struct {
	rig  *rig
	tap  *records.Tap
	seen []records.View
}

// tapOf begins a tap, until the test ends.
func tapOf(r *rig, f records.Filter) *tapped {
	r.t.Helper()
	tap := r.engine.Recorder().Tap(&f, 1)
	r.t.Cleanup(tap.Close)
	return &tapped{rig: r, tap: tap}
}

// want waits for the exchange of a path, the next one to come.
func (s *tapped) want(path string) records.View {
	s.rig.t.Helper()
	at := len(s.seen)
	eventually(s.rig.t, func() string { return "the exchange of " + path }, func() bool {
		list, lost := s.tap.Take()
		if lost > 0 {
			s.rig.t.Errorf("%d were lost", lost)
		}
		s.seen = append(s.seen, list...)
		return len(s.seen) > at
	})
	if got := s.seen[at]; len(s.seen) != at+1 || got.Path != path {
		s.rig.t.Errorf("got %d exchanges, the first of %q; want the one of %q", len(s.seen)-at, got.Path, path)
	}
	return s.seen[at]
}

// Exchanges of every protocol are shown once each, recorder or not.
func TestTapShowsEveryProtocol(t *testing.T) {
	for _, more := range []string{"", "recorder: {enabled: false}\n"} {
		t.Run("HTTP/1.1", func(t *testing.T) {
			r := start(t, plain+more, backend(t, echo))
			s, c := tapOf(r, records.Filter{}), r.dial()
			c.get("/one?secret=1")
			if v := s.want("/one"); v.Version != records.HTTP11 || v.Route != "all" || v.Pool != "p" || story(&v) != "200 ok done; 1: ok 200" {
				t.Errorf("got %+v", v)
			}
			c.get("/again")
			s.want("/again")
			refused := r.dial()
			refused.send("GET /none%2 HTTP/1.1\r\nHost: t\r\n\r\n")
			if v := s.want("/none%2"); story(&v) != "400 bad_path route" {
				t.Errorf("got %+v", v)
			}
		})
		t.Run("HTTP/2", func(t *testing.T) {
			r := start(t, h2cListener+more, backend(t, echo))
			s := tapOf(r, records.Filter{})
			resp, err := r.h2Client().Get("http://a.test/two")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if v := s.want("/two"); v.Version != records.HTTP2 || story(&v) != "200 ok done; 1: ok 200" {
				t.Errorf("got %+v", v)
			}
		})
		t.Run("HTTP/3", func(t *testing.T) {
			r := start(t, h3Text(t)+more, backend(t, echo))
			s := tapOf(r, records.Filter{})
			c, _ := r.h3Client()
			get3(t, c, "/three")
			if v := s.want("/three"); v.Version != records.HTTP3 || !v.Secure || story(&v) != "200 ok done; 1: ok 200" {
				t.Errorf("got %+v", v)
			}
		})
	}
}

// A tunnel is shown when it ends.
func TestTapShowsTunnels(t *testing.T) {
	r := start(t, plain+"recorder: {enabled: false}\n", switched(t, upgradeAnswer, echoBack))
	s, c := tapOf(r, records.Filter{}), r.dial()
	c.upgrade()
	if list, _ := s.tap.Take(); len(list) != 0 {
		t.Errorf("got %+v before it has ended", list)
	}
	_, _ = io.WriteString(c, "hello")
	c.stop()
	if got, err := io.ReadAll(c.r); err != nil || string(got) != "hello" {
		t.Fatal(string(got), err)
	}
	if v := s.want("/chat"); !v.Tunnel || story(&v) != "101 ok tunnel; 1: ok 101" {
		t.Errorf("got %+v", v)
	}
}

// Its filter goes by the name of a route, whatever was reloaded, also before the first
// request of the route.
func TestTapGoesOnOverReloads(t *testing.T) {
	first, second := backend(t, echo), backend(t, echo)
	r := start(t, plain, first)
	s := tapOf(r, records.Filter{Route: "other"})
	c := r.dial()
	c.get("/unseen")
	r.apply(strings.NewReplacer("all:", "other:", "pool: p", "pool: q", "p: {", "q: {").Replace(plain), second)
	c.get("/seen")
	if v := s.want("/seen"); v.Route != "other" || v.Generation != 2 {
		t.Errorf("got %+v", v)
	}
}
