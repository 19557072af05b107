package pool

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// The algorithms of this file, which TestMain registers for all tests of the package.
const (
	firstMember = "test_first_member" // of the list, tried or not
	strays      = "test_strays"       // picks indices that are none, in turn
	breaksApart = "test_breaks_apart" // its factory panics when strayMembers says so
)

// strayPicks are what the algorithm strays picks in turn.
var strayPicks = []int{-2, -1, 3, 1 << 40, -1 << 40}

func registerAlgorithms() {
	algo.Register(firstMember, func([]algo.Member, algo.Balancer) algo.Balancer { return fixed(0) })
	algo.Register(strays, func([]algo.Member, algo.Balancer) algo.Balancer { return new(straying) })
	algo.Register(breaksApart, func(m []algo.Member, _ algo.Balancer) algo.Balancer {
		if len(m) < 3 {
			panic("this factory breaks apart")
		}
		return fixed(2)
	})
}

type fixed int

func (f fixed) Pick(algo.Query) int { return int(f) }

type straying struct{ turn int }

func (s *straying) Pick(algo.Query) int {
	s.turn++
	return strayPicks[s.turn%len(strayPicks)]
}

// bugs collects what is reported while the test runs.
func bugs(t *testing.T) *[]string {
	t.Helper()
	var met []string
	t.Cleanup(safely.OnPanic(func(p safely.Panic) { met = append(met, fmt.Sprint(p.Place, ": ", p.Value)) }))
	return &met
}

func registeredPool(t *testing.T, algorithm string, now func() int64) *Pool {
	t.Helper()
	cfg := poolOf("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	cfg.Algorithm = algorithm
	_, p := buildOne(t, cfg, nil, now)
	return p
}

func TestRegisteredAlgorithmPicks(t *testing.T) {
	met := bugs(t)
	p := registeredPool(t, firstMember, nil)
	if got := p.Status().Algorithm; got != firstMember {
		t.Errorf("status: got %q; want %q", got, firstMember)
	}
	for i := range 100 {
		if _, got := p.Pick(algo.Query{Random: uint64(i)}); got != 0 {
			t.Fatalf("got member %d; want the first", got)
		}
	}
	// A member that was tried is never returned, whatever the algorithm picks.
	var tried algo.Tried
	tried.Add(0)
	seen := map[int]int{}
	for i := range 1000 {
		_, got := p.Pick(algo.Query{Tried: tried, Random: uint64(i) * 0x9e3779b97f4a7c15})
		seen[got]++
	}
	if seen[1] < 400 || seen[2] < 400 || len(seen) != 2 {
		t.Errorf("got %v; want the two others in about equal shares", seen)
	}
	tried.Add(1)
	tried.Add(2)
	if m, got := p.Pick(algo.Query{Tried: tried}); m != nil || got != -1 {
		t.Errorf("all tried: got member %d; want none", got)
	}
	if len(*met) != 0 {
		t.Errorf("got bugs %q; want none: no opinion about retries is not one", *met)
	}
}

func TestStrayPicksAreReplacedAndReportedOnceASecond(t *testing.T) {
	met := bugs(t)
	now := int64(1)
	p := registeredPool(t, strays, func() int64 { return now })
	seen := map[int]int{}
	for i := range 3000 {
		m, got := p.Pick(algo.Query{Random: uint64(i) * 0x9e3779b97f4a7c15})
		if m == nil {
			t.Fatal("got nobody; want a member")
		}
		seen[got]++
	}
	if seen[0] < 800 || seen[1] < 800 || seen[2] < 800 {
		t.Errorf("got %v; want about equal shares", seen)
	}
	if len(*met) != 1 || !strings.Contains((*met)[0], "algorithm "+strays+": BUG: it has picked") {
		t.Errorf("got reports %q; want one that names the algorithm and the pick", *met)
	}
	p.rebuild() // does not report anew
	p.Pick(algo.Query{})
	now += strayNanos
	p.Pick(algo.Query{})
	if len(*met) != 2 {
		t.Errorf("a second later: got %d reports; want another one", len(*met))
	}
}

// A factory that fails costs its pool the algorithm, until the next view, not the pool.
func TestFactoryThatFailsIsReplaced(t *testing.T) {
	met := bugs(t)
	p := registeredPool(t, breaksApart, nil)
	if _, got := p.Pick(algo.Query{}); got != 2 || len(*met) != 0 {
		t.Fatalf("got member %d and bugs %q; want the last member", got, *met)
	}
	edit := func(state State) {
		t.Helper()
		if err := p.Ask("10.0.0.1:80", Wish{State: state}); err != nil {
			t.Fatal(err)
		}
	}
	edit(Disabled)
	for i := range 100 {
		if m, got := p.Pick(algo.Query{Random: uint64(i) << 57}); m == nil || got == 0 {
			t.Fatalf("got member %d; want one of the two that are left", got)
		}
	}
	if len(*met) == 0 || !strings.Contains((*met)[0], "algorithm "+breaksApart+": this factory breaks apart") {
		t.Errorf("got bugs %q; want what the factory panics with", *met)
	}
	edit(Enabled)
	if _, got := p.Pick(algo.Query{}); got != 2 {
		t.Errorf("with all members: got member %d; want the algorithm's pick", got)
	}
}
