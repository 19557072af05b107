package ctl

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// sampleBlame is what three backends of a pool have, of which the third is slow.
func sampleBlame() *api.Blame {
	return &api.Blame{
		Route: "api", Exchanges: 3000, From: probeTime, Until: probeTime.Add(time.Minute), P50MS: new(6.0), P90MS: new(90.0), P99MS: new(166.9), SlowestMS: 170,
		Tail: &api.BlameTail{
			Percent: 1, AboveMS: 166.9, Exchanges: 31,
			Phases: []api.BlamePhase{
				{Phase: "answer", Side: "backend", Meaning: "waiting for the first byte of the answer", Share: 0.88, Pool: "p", Backend: "10.0.0.3:80", BackendShare: 0.97, Backends: 2},
				{Phase: "send", Side: "client", Meaning: "passing the answer on to the client", Share: 0.12},
			},
			Backends: []api.BlameBackend{{Pool: "p", Backend: "10.0.0.3:80", Share: 0.86, TailExchanges: 30, Exchanges: 1000, TailRate: 0.03, Siblings: 2, Slower: new(14.2)}},
		},
		Failures: []api.BlameFailure{{Cause: "timeout", Side: "backend", Exchanges: 2, Share: 0.001}},
	}
}

// TestBlameInWords has the sentence for each kind of culprit.
func TestBlameInWords(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(b *api.Blame)
		want   string
		vague  bool
	}{
		{"slow backend", func(*api.Blame) {}, "88 % of the time of the slowest 1 % of api is waiting for the first byte of 10.0.0.3:80, which is 14 x slower than its two siblings.", false},
		{"all routes, few, and some from before", func(b *api.Blame) { b.Route, b.Tail.Percent, b.Tail.KeptLonger = "", 10, 7 }, "88 % of the time of the slowest 10 % of all exchanges, and of 7 slow ones from before, is waiting for the first byte of 10.0.0.3:80, which is 14 x slower than its two siblings.", false},
		{"slow at times", func(b *api.Blame) {
			b.Tail.Backends[0].Slower, b.Tail.Backends[0].SiblingsTailRate = new(1.1), 0.0004
		}, "88 % of the time of the slowest 1 % of api is waiting for the first byte of 10.0.0.3:80, of whose exchanges 3.0 % are that slow, and less than 0.1 % of those of its two siblings.", false},
		{"no slower than others", func(b *api.Blame) { b.Tail.Backends[0].Slower, b.Tail.Backends[0].SiblingsTailRate = new(1.0), 0.03 }, "88 % of the time of the slowest 1 % of api is waiting for the first byte of 10.0.0.3:80, which is not slower than its two siblings as a rule.", false},
		{"alone", func(b *api.Blame) { b.Tail.Backends[0].Siblings = 0 }, "88 % of the time of the slowest 1 % of api is waiting for the first byte of 10.0.0.3:80, which no other backend of its pool shares the work with.", false},
		{"all backends", func(b *api.Blame) { b.Tail.Phases[0].BackendShare, b.Tail.Phases[0].Backends = 0.4, 3 }, "88 % of the time of the slowest 1 % of api is waiting for the first byte of 3 backends (most for 10.0.0.3:80, 40 %).", false},
		{"slow client", func(b *api.Blame) {
			b.Tail.Phases = []api.BlamePhase{{Phase: "send", Side: "client", Meaning: "passing the answer on to the client", Share: 0.99}}
			b.Tail.Clients = []api.BlameClient{{Client: "2001:db8::7", Share: 0.9}}
		}, "99 % of the time of the slowest 1 % of api is passing the answer on to the client, mostly of 2001:db8::7.", false},
		{"nobody", func(b *api.Blame) { b.Tail.Phases[0].Share, b.Tail.Phases[1].Share = 0.4, 0.35 }, "No phase has most of the time of the slowest 1 % of api: 40 % is waiting for the first byte of 10.0.0.3:80, 35 % passing the answer on to the client.", false},
		{"three exchanges", func(b *api.Blame) { b.Exchanges, b.Tail = 3, nil }, "3 exchanges of api, of which the slowest took 170.0 ms: too few to say whose the time of slow ones is, which takes 100.", true},
		{"none", func(b *api.Blame) { b.Exchanges, b.Tail = 0, nil }, "No exchange of api is kept from that time: nothing can be said.", true},
		{"no time", func(b *api.Blame) { b.Tail.Phases = nil }, "The slowest exchanges of api took no time that could be measured.", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := sampleBlame()
			tc.change(b)
			if got, concluded := blameSummary(b); got != tc.want || concluded == tc.vague {
				t.Errorf("got %q, concluded %v; want %q", got, concluded, tc.want)
			}
		})
	}
}

func TestBlameIsAsked(t *testing.T) {
	var asked BlameQuery
	s := start(t, Options{Sources: Sources{
		Routes: func() []api.RouteStatus { return routesNamed("api", "quiet") },
		Blame: func(q *BlameQuery) (*api.Blame, error) {
			asked = *q
			switch q.Route {
			case "api", "":
				return sampleBlame(), nil
			case "off":
				return nil, fmt.Errorf("nothing is recorded: %w", ErrConflict)
			}
			return &api.Blame{Route: q.Route}, nil
		},
	}})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		query  string
		status int
		want   string
		asked  BlameQuery
	}{
		{"", 200, `"summary":"88 % of the time`, BlameQuery{Rows: blameRows}},
		{"?route=api&since=2026-01-31T12:00:00Z&limit=3", 200, `"slower":14.2`, BlameQuery{Route: "api", Since: at, Rows: 3}},
		{"?route=quiet", 200, `"concluded":false`, BlameQuery{Route: "quiet", Rows: blameRows}},
		{"?route=quite", 404, `did you mean \"quiet\"?`, BlameQuery{Route: "quite", Rows: blameRows}},
		{"?route=off", 409, "nothing is recorded", BlameQuery{Route: "off", Rows: blameRows}},
		{"?route=", 400, "is empty", BlameQuery{}},
		{"?since=yesterday", 400, "how long ago", BlameQuery{}},
		{"?limit=0", 400, "1 to 1000", BlameQuery{}},
		{"?rout=api", 400, `did you mean \"route\"`, BlameQuery{}},
	} {
		asked = BlameQuery{}
		got := raw(t, s, request("GET", "/api/v1/blame"+tc.query, "", ""))
		if got.status != tc.status || !strings.Contains(got.body, tc.want) || !asked.Since.Equal(tc.asked.Since) || asked.Route != tc.asked.Route || asked.Rows != tc.asked.Rows {
			t.Errorf("%s: got %d %s, asked %+v; want %d with %q, asked %+v", tc.query, got.status, got.body, asked, tc.status, tc.want, tc.asked)
		}
	}
	var b api.Blame
	if err := json.Unmarshal([]byte(raw(t, s, request("GET", "/api/v1/blame?route=quiet", "", "")).body), &b); err != nil || b.Failures == nil || b.Tail != nil {
		t.Errorf("got %+v, %v; want lists that are empty, not null", b, err)
	}
}
