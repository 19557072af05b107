package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// headroomOf is that of a busy proxy.
func headroomOf() *api.Headroom {
	limit := func(kind, name string, use, most, times, low, high float64) api.HeadroomLimit {
		return api.HeadroomLimit{Limit: kind, Name: name, Use: use, Most: most, Concluded: true, Times: &times, Low: &low, High: &high}
	}
	return &api.Headroom{
		Concluded: true, Times: new(1.17), Low: new(1.1), High: new(1.25),
		RequestsPerSecond: 12_400, Requests: 744_000, Seconds: 60, P99MS: new(1.2), TargetMS: new(5.0), TargetConfigured: true,
		Processors: api.HeadroomProcessors{Available: 2, Used: 0.82, OthersUsed: 0.01, Idle: 0.002, RequestUS: 66, GarbageShare: 0.013, DelayMS: 0.2},
		Limits: []api.HeadroomLimit{
			limit("pool_requests", "api", 83, 100, 1.17, 1.1, 1.25),
			limit("processors", "", 0.82, 2, 2.3, 2, 2.6),
			limit("memory", "", 300<<20, 8<<30, 27, 27, 1000),
			{Limit: "descriptors", Use: 40, Most: 65536, Low: new(900.0)},
		},
	}
}

func (p *proxy) headroom() *api.Headroom {
	if p.quiet.Load() {
		return &api.Headroom{Missing: "requests in the last 60 s: 3, which used 0.01 % of the processors; it takes 200 and 1 %, or 50 % of another limit", Requests: 3, Seconds: 60}
	}
	return headroomOf()
}

// TestHeadroom compares what a human sees with testdata; nothing is wider than the terminal.
func TestHeadroom(t *testing.T) {
	busy, quiet := startProxy(t, ""), startProxy(t, "")
	quiet.quiet.Store(true)
	for name, p := range map[string]*proxy{"headroom": busy, "headroom_quiet": quiet} {
		for _, width := range []int{60, 160} {
			got := run(p, []string{fmt.Sprint("COLUMNS=", width)}, "headroom")
			if got.code != ExitDone || got.stderr != "" {
				t.Fatalf("%s: got %+v; want exit 0", name, got)
			}
			for line := range strings.Lines(got.stdout) {
				line = strings.TrimSuffix(line, "\n")
				if n := len([]rune(line)); n > width || strings.TrimRight(line, " ") != line {
					t.Errorf("%s in %d columns: line of %d characters: %q", name, width, n, line)
				}
			}
			compareGolden(t, fmt.Sprintf("%s.%d.txt", name, width), got.stdout)
		}
	}
}

func TestHeadroomSaysTheFirstLimit(t *testing.T) {
	p := startProxy(t, "")
	said := strings.Join(strings.Fields(run(p, []string{"COLUMNS=80"}, "headroom").stdout), " ")
	for _, want := range []string{
		"takes 1.17 x (1.10-1.25) of the present 12,400 requests a second",
		"First limit: requests in progress in pool api (83 of 100).", "Next: processors (41 % used), 2.3 x (2.0-2.6).",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("got %s; want %q in it", said, want)
		}
	}
	if got := run(p, nil, "headroom", "-o", "json"); !strings.Contains(got.stdout, `"limit": "pool_requests"`) || !strings.Contains(got.stdout, `"concluded": true`) {
		t.Errorf("got %s", got.stdout)
	}
	if got := run(p, []string{"COLUMNS=120"}, "status"); !strings.Contains(got.stdout, "1.17 x (1.10-1.25) of the present load; first limit: requests in progress in pool api") {
		t.Errorf("got %s; want a line of headroom", got.stdout)
	}
	p.quiet.Store(true)
	if got := run(p, []string{"COLUMNS=120"}, "status"); !strings.Contains(got.stdout, "headroom     cannot tell yet: requests in the last 60 s: 3") {
		t.Errorf("got %s; want that it cannot tell", got.stdout)
	}
	if got := run(p, nil, "headroom", "api"); got.code != ExitUsage {
		t.Errorf("got %+v; want exit %d", got, ExitUsage)
	}
}
