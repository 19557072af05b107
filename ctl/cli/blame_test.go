package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// blame is the fake recorder's: a slow backend among three and, of route few, too little.
func (p *proxy) blame(q *ctl.BlameQuery) (*api.Blame, error) {
	b := &api.Blame{Route: q.Route, Exchanges: 17, From: now.Add(-10 * time.Minute), Until: now, SlowestMS: 41}
	switch q.Route {
	case "few":
		return b, nil
	case "off":
		return nil, api.NewProblem(http.StatusConflict, "nothing is recorded")
	}
	b.Exchanges, b.P50MS, b.P90MS, b.P99MS, b.SlowestMS = 131_072, new(6.25), new(91.0), new(1670.0), 30_000
	long := now.Add(-time.Hour)
	b.Tail = &api.BlameTail{
		Percent: 1, AboveMS: 1670, Exchanges: 1311, KeptLonger: 240, KeptFrom: &long,
		Phases: []api.BlamePhase{
			{Phase: "answer", Side: "backend", Meaning: "waiting for the first byte of the answer", Share: 0.88, MeanMS: 1900, UsualMS: 5.5, Pool: "api", Backend: "10.0.0.3:8080", BackendShare: 0.99, Backends: 3},
			{Phase: "send", Side: "client", Meaning: "passing the answer on to the client", Share: 0.119, MeanMS: 250, UsualMS: 0.25},
		},
		Backends: []api.BlameBackend{
			{Pool: "api", Backend: "10.0.0.3:8080", Share: 0.87, TailExchanges: 1300, Exchanges: 43_000, TailRate: 0.03, Siblings: 2, SiblingsTailRate: 0.0001, MedianMS: new(80.0), SiblingsMedianMS: new(5.7), Slower: new(14.1)},
			{Pool: "api", Backend: "unix:/run/isame/spare.sock", Share: 0.01, TailExchanges: 11, Exchanges: 12, TailRate: 0.9},
		},
		Routes:  []api.BlameRoute{{Route: "api", Share: 0.9, TailExchanges: 1400}, {Share: 0.1, TailExchanges: 151}},
		Clients: []api.BlameClient{{Client: "2001:db8::7", Share: 0.11, TailExchanges: 100}},
	}
	b.Failures = []api.BlameFailure{
		{Cause: "timeout", Side: "backend", Meaning: "The backend did not answer in time.", Exchanges: 12, Share: 0.0001, KeptLonger: 900},
		{Cause: "ok", Side: "nobody", Meaning: "The answer was sent whole, with status 503.", Status: 503, Exchanges: 3, Share: 0.00002},
	}
	return b, nil
}

// TestBlame compares what a human sees with testdata: nothing is wider than the terminal,
// and what matters is there at every width.
func TestBlame(t *testing.T) {
	p := startProxy(t, "")
	for _, args := range []string{"blame", "blame few"} {
		for _, width := range []int{80, 200} {
			got := run(p, []string{fmt.Sprint("COLUMNS=", width)}, strings.Fields(args)...)
			if got.code != ExitDone || got.stderr != "" {
				t.Fatalf("%s: got %+v; want exit 0", args, got)
			}
			for line := range strings.Lines(got.stdout) {
				line = strings.TrimSuffix(line, "\n")
				if n := len([]rune(line)); n > width || strings.TrimRight(line, " ") != line {
					t.Errorf("%s in %d columns: line of %d characters: %q", args, width, n, line)
				}
			}
			compareGolden(t, fmt.Sprintf("%s.%d.txt", strings.ReplaceAll(args, " ", "_"), width), got.stdout)
		}
	}
	said := strings.Join(strings.Fields(run(p, []string{"COLUMNS=80"}, "blame").stdout), " ")
	for _, want := range []string{"88 % of the time of the slowest 1 % of all exchanges", "10.0.0.3:8080, which is 14 x slower than its two siblings", "131,072 requests", "14.1x"} {
		if !strings.Contains(said, want) {
			t.Errorf("got %s; want %q in it", said, want)
		}
	}
	for width := 1; width < 60; width++ {
		for line := range strings.Lines(run(p, []string{fmt.Sprint("COLUMNS=", width)}, "blame").stdout) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
				t.Fatalf("in %d columns: line of %d characters %q", width, n, line)
			}
		}
	}
}

func TestBlameThatIsRefused(t *testing.T) {
	p := startProxy(t, "")
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"blame off", ExitFailed, "nothing is recorded"},
		{"blame --since yesterday", ExitFailed, "how long ago"},
		{"blame a b", ExitUsage, "accepts at most 1 arg"},
		{"blame --limit 0", ExitUsage, "want 1 to 1000"},
	} {
		if got := run(p, nil, strings.Fields(tc.args)...); got.code != tc.code || !strings.Contains(got.stderr, tc.want) {
			t.Errorf("%s: got %+v; want exit %d with %q", tc.args, got, tc.code, tc.want)
		}
	}
	if got := run(p, nil, "blame", "-o", "json"); !strings.Contains(got.stdout, `"slower": 14.1`) || !strings.Contains(got.stdout, `"concluded": true`) {
		t.Errorf("got %s", got.stdout)
	}
	if got := run(p, nil, "__complete", "blame", ""); !slices.Contains(strings.Split(got.stdout, "\n"), "ping") {
		t.Errorf("got %q; want names of routes", got.stdout)
	}
}
