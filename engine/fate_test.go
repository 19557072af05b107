package engine

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/replay"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// fateTables pairs of tables are tried, each with fateRequests that were served.
const (
	fateTables   = 20
	fateRequests = 30
)

// What a replay says of a request is what explain says of it, on both sides: random pairs of
// tables, and random requests that were served over real sockets.
func TestReplayAgreesWithExplain(t *testing.T) {
	t.Parallel()
	const seed = 7
	g := newGuesser(t, seed)
	e := g.rig.engine
	agreed, changed, tried := 0, 0, 0
	for range fateTables {
		g.table()
		since := socket.Nanos()
		for range fateRequests {
			g.send(g.question())
		}
		var next *candidate
		cfg := g.loaded(func(c *config.Config) (err error) {
			next, err = e.candidate(c)
			return err
		})
		g.rig.awaitEnds()
		now := e.table.Load()
		heads := e.sampler.Heads()
		for _, h := range heads {
			if h.AtNanos < since {
				continue // it was tried with the tables of its time
			}
			for _, table := range []*table{now, next.table} {
				want, err := e.explainBy(table, questionOf(t, h))
				if err != nil {
					t.Fatalf("%s: %v", h.Text(), err)
				}
				tried++
				if got := e.fate(table, "web", h); reflect.DeepEqual(got, replay.FateOf(want)) {
					agreed++
				} else {
					t.Errorf("%s\ngot %+v; want %+v", h.Text(), got, replay.FateOf(want))
				}
			}
		}
		r := e.replay(now, next.table)
		if r.Requests != len(heads) || r.Requests == 0 || r.Stale != 0 {
			t.Errorf("got %d requests replayed, %d stale; want %d", r.Requests, r.Stale, len(heads))
		}
		changed += r.Changed
		next.forget()
		p, err := e.Plan(cfg)
		if err != nil || !reflect.DeepEqual(p.Replay.Routes, r.Routes) || !reflect.DeepEqual(p.Replay.Answers, r.Answers) {
			t.Errorf("got %+v, %v; want %+v", p, err, r)
		}
		if same := e.replay(now, now); same.Changed != 0 {
			t.Errorf("got %d changes of what runs to itself", same.Changed)
		}
	}
	if tried < fateTables*fateRequests || changed < tried/10 || agreed < tried {
		t.Errorf("%d of %d agreed, %d changed: the test says little", agreed, tried, changed)
	}
}

// awaitEnds waits until no exchange is under way: what has ended is in the sample.
func (r *rig) awaitEnds() {
	r.t.Helper()
	eventually(r.t, func() string { return "no exchange under way" }, func() bool { return r.engine.Listeners()[0].Active == 0 })
}

// questionOf asks about a head as it is kept.
func questionOf(t *testing.T, h *sample.Head) *explain.Question {
	t.Helper()
	lines := strings.Split(strings.TrimRight(string(h.Text()), "\r\n"), "\r\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, _, _ := strings.Cut(rest, " ")
	q := &explain.Question{Method: method, URL: target, Peer: h.Peer, Listener: "web"}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ": ")
		if !found {
			t.Fatalf("line %q", line)
		}
		q.Fields = append(q.Fields, explain.Field{Name: name, Value: value})
	}
	if h.Version == sample.HTTP2 {
		q.Protocol = explain.HTTP2
	}
	return q
}

// Each kind of difference, with its counts and examples, and what is not kept.
func TestReplaySaysWhatChanges(t *testing.T) {
	const text = `
listeners: {web: {address: "127.0.0.1:0"}}
pools: {p: {backends: [{address: "{{backend}}"}]}, q: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`
	const before = text + `
routes:
  moved: {hosts: [old.test], pool: p}
  gone: {path_prefix: /gone, pool: p}
  staged: {path_prefix: /staged, pool: p, middleware: [mark, limit, login]}
  other: {path_prefix: /other, pool: p}
  same: {path_prefix: /same, pool: p}
middleware:
  mark: {type: headers, request: {set: {X-A: "1"}}}
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 1000}
  login: {type: basic_auth, users: ["a:$2a$04$zVHmKQtGGQob.b/Nc7l9NO8UlrYcW05FiuCj/SxsFO/ZtiN9.mNzy"], when: {headers: {Authorization: "*"}}}
`
	after := strings.NewReplacer("old.test", "new.test", "  gone: {path_prefix: /gone, pool: p}\n", "", `set: {X-A: "1"}`, `set: {X-A: "2"}`,
		"path_prefix: /other, pool: p", "path_prefix: /other, redirect: {to: \"https://{host}{uri}\"}").Replace(before) +
		"  blind: {type: deny, when: {query: {q: \"1\"}, headers: {Cookie: {regex: a}, X-B: c}}}\n"
	b := backend(t, func(http.ResponseWriter, *http.Request) {})
	r := start(t, before, b)
	for n, c := range []struct {
		target string
		lines  []string
	}{
		{"/x", []string{"Host: old.test"}},
		{"/gone/a?secret=1", nil},
		{"/gone/b", nil},
		{"/staged", nil},
		{"/other", nil},
		{"/same", []string{"Authorization: Basic bm86bm8="}},
		{"/none", nil},
	} {
		for range n + 1 {
			r.ask("GET", c.target, c.lines...)
		}
	}
	r.awaitEnds()
	p, err := r.engine.Plan(parse(t, after, b))
	if err != nil {
		t.Fatal(err)
	}
	got := &p.Replay
	if got.Requests != 28 || got.Changed != 1+2+3+4+5 || got.Kept != sample.Max(2) {
		t.Errorf("got %+v; want 15 of 28 changed", got)
	}
	text1 := func(d *explain.Differences) string {
		texts := []string{fmt.Sprintf("%d of %d", d.Requests, d.Kinds)}
		for _, e := range d.Examples {
			texts = append(texts, fmt.Sprintf("%d %s -> %s (%s)", e.Requests, e.Before, e.After, e.Path))
		}
		return strings.Join(texts, "; ")
	}
	for _, c := range []struct {
		what, want string
		got        *explain.Differences
	}{
		{"routes", "6 of 2; 5 gone -> none (PATH); 1 moved -> none (/x)", &got.Routes},
		{"pools", "11 of 1; 11 p -> none (PATH)", &got.Pools},
		{"stages", "4 of 1; 4 mark, limit -> mark (changed), limit (/staged)", &got.Stages},
		{"answers", "11 of 2; 6 forwarded -> 404 no_route (PATH); 5 forwarded -> 308 (/other)", &got.Answers},
	} {
		// Which request of several stands for them depends on the shards they came to.
		pattern := strings.ReplaceAll(regexp.QuoteMeta(c.want), "PATH", "(/x|/gone/[ab]|/other)")
		if text := text1(c.got); !regexp.MustCompile("^" + pattern + "$").MatchString(text) {
			t.Errorf("%s: got %q; want %q", c.what, text, c.want)
		}
	}
	if want := []string{"middleware.blind.when[0].headers.Cookie", "middleware.blind.when[0].query.q"}; !reflect.DeepEqual(got.Blind, want) {
		t.Errorf("blind: got %q; want %q", got.Blind, want)
	}
	for _, h := range r.engine.sampler.Heads() {
		if bytes.Contains(h.Text(), []byte("bm86")) || bytes.Contains(h.Text(), []byte("secret=1")) {
			t.Errorf("a secret is kept: %s", h.Text())
		}
	}
}

// A listener that turns to TLS, or whose address goes, has no answer for those who come as
// before.
func TestReplayOfListeners(t *testing.T) {
	b := backend(t, func(http.ResponseWriter, *http.Request) {})
	r := start(t, plain, b)
	r.ask("GET", "/")
	r.awaitEnds()
	p, err := r.engine.Plan(parse(t, strings.Replace(plain, "web:", "other:", 1), b))
	if err != nil || p.Replay.Answers.Requests != 1 || p.Replay.Answers.Examples[0].After != replay.Closed {
		t.Errorf("got %+v, %v; want nobody there", p.Replay, err)
	}
	p, err = r.engine.Plan(parse(t, tlsText("", "", newPair(t, time.Now().Add(time.Hour), "a.test")), b))
	if err != nil || p.Replay.Answers.Requests != 1 || !strings.Contains(p.Replay.Answers.Examples[0].After, "speaks TLS") {
		t.Errorf("got %+v, %v; want TLS in the way", p.Replay, err)
	}
}
