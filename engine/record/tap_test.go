package record

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// shown are the paths that a tap has, sorted.
func shown(t *testing.T, tap *Tap) []string {
	t.Helper()
	list, lost := tap.Take()
	if lost != 0 {
		t.Errorf("%d were lost", lost)
	}
	all := paths(Answer{Records: list})
	slices.Sort(all)
	return all
}

func TestTapShowsWhatItsFilterWants(t *testing.T) {
	for _, limits := range []Limits{{}, {Records: 16}} {
		c := New(2)
		c.Configure(limits)
		api, p, first, other := NewName("api"), NewName("p"), NewName("10.0.0.1:80"), NewName("10.0.0.2:80")
		for _, tc := range []struct {
			filter Filter
			want   []string
		}{
			{Filter{}, []string{"/late", "/ok", "/refused", "/reset"}},
			{Filter{Route: "api"}, []string{"/ok", "/reset"}},
			{Filter{Route: "nobody"}, nil},
			{Filter{Pool: "p"}, []string{"/late"}},
			{Filter{Backend: "10.0.0.1:80"}, []string{"/ok", "/reset"}},
			{Filter{Backend: "10.0.0.2:80"}, []string{"/late", "/reset"}},
			{Filter{Ends: []end.End{end.Reset}}, []string{"/reset"}},
			{Filter{StatusFrom: 400, StatusTo: 499}, []string{"/refused"}},
			{Filter{Slower: 200 * time.Millisecond}, []string{"/late"}},
			{Filter{Client: netip.MustParsePrefix("192.0.2.0/24")}, []string{"/ok"}},
			{Filter{Route: "api", StatusFrom: 500}, []string{"/reset"}},
		} {
			tap := c.Tap(&tc.filter, 1)
			r := exchange("/ok", end.OK, 200)
			r.Route, r.Tried, r.Tries[0].Backend = c.Names.Number(api), 1, c.Names.Number(first)
			r.SetClient(netip.MustParseAddr("192.0.2.7"))
			c.Put(0, second, r)
			r = exchange("/late", end.OK, 200)
			r.Pool, r.Tried, r.Tries[0].Backend, r.Took = c.Names.Number(p), 1, c.Names.Number(other), ms(300)
			c.Put(1, second, r)
			r = exchange("/reset", end.Reset, 502)
			r.Route, r.Tried = c.Names.Number(api), 2
			r.Tries[0].Backend, r.Tries[1].Backend = c.Names.Number(first), c.Names.Number(other)
			c.Put(0, second, r)
			c.Put(1, second, exchange("/refused", end.NoRoute, 404))
			if got := shown(t, tap); !slices.Equal(got, tc.want) {
				t.Errorf("limits %+v, filter %+v: got %v; want %v", limits, tc.filter, got, tc.want)
			}
			if again := shown(t, tap); again != nil {
				t.Errorf("limits %+v, filter %+v: got %v again", limits, tc.filter, again)
			}
			tap.Close()
			c.Put(0, second, exchange("/after", end.OK, 200))
			if late := shown(t, tap); late != nil {
				t.Errorf("got %v after Close", late)
			}
		}
		if c.taps.Load() != nil || c.Wanted() != (limits.Records > 0) {
			t.Error("a tap is left")
		}
	}
}

// What is shown has the times of the wall clock and the order in which it ended, whether
// or not anything is kept.
func TestTapHasTimesAndOrder(t *testing.T) {
	for _, limits := range []Limits{{}, {Records: 16}} {
		c := New(2)
		c.Configure(limits)
		tap := c.Tap(&Filter{}, 1)
		before := time.Now().Add(-time.Second)
		for i, path := range []string{"/1", "/2", "/3", "/4"} {
			r := exchange(path, end.OK, 200)
			r.Took = ms(int64(50 - 10*i))
			now := 5*second + int64(i)*ms(1)
			r.Started = now - r.Took
			c.Put(1-i%2, now, r)
		}
		list, _ := tap.Take()
		if got := paths(Answer{Records: list}); !slices.Equal(got, []string{"/1", "/2", "/3", "/4"}) {
			t.Errorf("limits %+v: got %v; want the order in which they ended", limits, got)
		}
		for i := range list {
			if at := list[i].Started; at.Before(before) || at.After(time.Now()) {
				t.Errorf("limits %+v: it began at %v", limits, at)
			}
		}
		tap.Close()
	}
}

// Where nobody takes, what there is no room for is lost, and counted once.
func TestTapCountsWhatIsLost(t *testing.T) {
	c := New(1)
	full, half := c.Tap(&Filter{}, 1), c.Tap(&Filter{StatusFrom: 500}, 1)
	defer full.Close()
	defer half.Close()
	for i := range tapSlots + 7 {
		c.Put(0, second, exchange(fmt.Sprint("/", i), end.OK, uint16(200+300*(i%2))))
	}
	if list, lost := full.Take(); len(list) != tapSlots || lost != 7 || list[0].Path != "/0" {
		t.Errorf("got %d and %d lost; want the first %d, and 7", len(list), lost, tapSlots)
	}
	if list, lost := half.Take(); len(list) != (tapSlots+7)/2 || lost != 0 {
		t.Errorf("the other one: got %d and %d lost; want all", len(list), lost)
	}
	for i := range 3 * tapSlots { // several rounds
		c.Put(0, second, exchange(fmt.Sprint("/", i), end.OK, 200))
		if list, lost := full.Take(); len(list) != 1 || lost != 0 || list[0].Path != fmt.Sprint("/", i) {
			t.Fatalf("round %d: got %d and %d lost", i, len(list), lost)
		}
	}
}

// A tenth is a tenth: of 20,000 draws within six standard deviations (42 each).
func TestTapSamples(t *testing.T) {
	c := New(1)
	for _, tc := range []struct {
		sample   float64
		from, to int
	}{{0, 0, 0}, {0.1, 1746, 2254}, {1, 20_000, 20_000}} {
		tap, n := c.Tap(&Filter{}, tc.sample), 0
		for i := range 20_000 {
			c.Put(0, second, exchange("/", end.OK, 200))
			if i%100 == 99 {
				n += len(shown(t, tap))
			}
		}
		if n < tc.from || n > tc.to {
			t.Errorf("sample %v: got %d of 20000; want %d to %d", tc.sample, n, tc.from, tc.to)
		}
		tap.Close()
	}
}

// Every exchange comes once or is counted as lost, whoever puts it. Run with the race
// detector.
func TestTapUnderStress(t *testing.T) {
	const rounds, writers = 3000, 4
	c := New(2)
	c.Configure(Limits{Records: 64})
	tap := c.Tap(&Filter{}, 1)
	defer tap.Close()
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for i := range rounds {
				c.Put(w%2, second, exchange(fmt.Sprintf("/%d/%d", w, i), end.OK, 200))
			}
		})
	}
	running.Go(func() {
		for range 100 { // others come and go
			c.Tap(&Filter{StatusFrom: 500}, 1).Close()
		}
	})
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	seen, lost := map[string]bool{}, uint64(0)
	take := func() {
		list, n := tap.Take()
		lost += n
		for i := range list {
			if seen[list[i].Path] {
				t.Errorf("%s came twice", list[i].Path)
			}
			seen[list[i].Path] = true
		}
	}
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		take()
	}
	take()
	if uint64(len(seen))+lost != rounds*writers {
		t.Errorf("got %d and %d lost; want %d in all", len(seen), lost, rounds*writers)
	}
}
