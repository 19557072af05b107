package record

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// second is one on the clock of exchanges.
const second = int64(time.Second)

// exchange is a record with a path, which ends so.
func exchange(path string, e end.End, status uint16) *Record {
	r := &Record{End: e, Status: status, Took: ms(1)}
	r.SetRequest([]byte("GET"), []byte("a.test"), []byte(path))
	return r
}

// find fails unless there is an answer.
func find(t testing.TB, c *Recorder, q Query) Answer {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 10_000
	}
	a, err := c.Find(&q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// paths are those of an answer, in its order.
func paths(a Answer) (all []string) {
	for i := range a.Records {
		all = append(all, a.Records[i].Path)
	}
	return all
}

// Failures of backends stay while requests that went well come by thousands, and while
// others are refused by thousands.
func TestFailuresOutliveFloods(t *testing.T) {
	c := New(1)
	c.Configure(Limits{Records: 300, Errors: 100, Slow: 10})
	c.Put(0, second, exchange("/failed", end.Reset, 502))
	c.Put(0, second, exchange("/refused", end.NoRoute, 404))
	for i := range int64(5000) {
		c.Put(0, second+i, exchange("/fine", end.OK, 200))
	}
	if got := paths(find(t, c, Query{Filter: Filter{Errors: true}})); !slices.Equal(got, []string{"/refused", "/failed"}) {
		t.Errorf("behind good ones: got %q; want both errors", got)
	}
	for i := range int64(5000) {
		c.Put(0, second+i, exchange("/flood", end.RateLimited, 429))
	}
	got := paths(find(t, c, Query{Filter: Filter{Errors: true}}))
	if got[len(got)-1] != "/failed" || slices.Contains(got, "/refused") {
		t.Errorf("behind a flood of refusals: got %d, %q last; want the failure, and not the old refusal", len(got), got[len(got)-1])
	}
	for range 75 { // what is left for failures
		c.Put(0, second, exchange("/again", end.Timeout, 504))
	}
	for i := range int64(5000) {
		c.Put(0, second+i, exchange("/fine", end.OK, 200))
	}
	if got = paths(find(t, c, Query{Filter: Filter{Errors: true}})); slices.Contains(got, "/failed") {
		t.Error("more failures are kept than there is room for")
	}
}

// The slowest of each second stays, whatever else comes; a tunnel is none.
func TestSlowestOfEachSecondIsKept(t *testing.T) {
	c := New(2)
	c.Configure(Limits{Records: 300, Errors: 8, Slow: 4})
	for s := range int64(10) {
		for i := range int64(1000) {
			r := exchange(fmt.Sprintf("/fine/%d", s), end.OK, 200)
			r.Took = ms(i % 100)
			switch i {
			case 500:
				r = exchange(fmt.Sprintf("/slow/%d", s), end.OK, 200)
				r.Took = ms(700 + s)
			case 501:
				r.Took, r.Flags = ms(9999), Tunnel
			}
			c.Put(1, 100*second+s*second+i, r)
		}
	}
	c.Put(1, 200*second, exchange("/fine", end.OK, 200)) // the last second is over
	got := paths(find(t, c, Query{Filter: Filter{Slower: 500 * time.Millisecond}, Slowest: true}))
	if want := []string{"/slow/9", "/slow/8", "/slow/7", "/slow/6"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestRecorderThatIsOff(t *testing.T) {
	c := New(1)
	c.Put(0, 1, exchange("/", end.OK, 200))
	if _, err := c.Find(&Query{Limit: 1}); c.On() || err == nil {
		t.Errorf("got %v of a recorder that is off", err)
	}
	c.Configure(Limits{Records: 10, Errors: 10})
	c.Put(0, 1, exchange("/kept", end.OK, 200))
	before := c.rings.Load()
	c.Configure(Limits{Records: 10, Errors: 10})
	if c.rings.Load() != before {
		t.Error("the same limits have made it anew")
	}
	c.Configure(Limits{Records: 20})
	if got := paths(find(t, c, Query{})); !slices.Equal(got, []string{"/kept"}) {
		t.Errorf("other limits: got %q; want what was there", got)
	}
	c.Configure(Limits{Errors: 5})
	if c.On() || c.rings.Load() != nil {
		t.Error("it is on without records")
	}
	c.Configure(Limits{Records: 20})
	if got := paths(find(t, c, Query{})); len(got) != 0 {
		t.Errorf("on again: got %q; want nothing", got)
	}
}

// The wall clock is asked once a second, and times of records are its.
func TestTimesAreThoseOfTheWall(t *testing.T) {
	c := New(1)
	c.Configure(Limits{Records: 10})
	before := time.Now()
	for _, now := range []int64{5 * second, 5*second + ms(500), 3600 * second} {
		r := exchange("/", end.OK, 200)
		r.Started = now - ms(40)
		c.Put(0, now, r)
	}
	after := time.Now()
	for _, v := range find(t, c, Query{}).Records {
		if at := v.Started.Add(40 * time.Millisecond); at.Before(before) || at.After(after.Add(time.Second)) {
			t.Errorf("it began at %v, 40 ms before a moment between %v and %v", v.Started, before, after)
		}
	}
}

// Everything at once: writers on two shards, readers, limits that change, and names that
// are forgotten. Run with the race detector.
func TestRecorderUnderStress(t *testing.T) {
	const rounds = 3000
	c := New(2)
	c.Configure(Limits{Records: 64, Errors: 16, Slow: 8})
	var running sync.WaitGroup
	names := make([]*Name, 50)
	for i := range names {
		names[i] = NewName(fmt.Sprint("name ", i))
	}
	for w := range 4 {
		running.Go(func() {
			for i := range rounds {
				n := names[i%len(names)]
				r := exchange(n.text, []end.End{end.OK, end.Reset, end.NoRoute}[i%3], 200)
				r.Route = c.Names.Number(n)
				r.Took = int64(i)
				c.Put(w%2, int64(i)*ms(1), r)
			}
		})
	}
	running.Go(func() {
		for i := range 200 {
			c.Configure(Limits{Records: 32 + 32*(i%3), Errors: 16 * (i % 2), Slow: 8})
			c.mu.Lock()
			c.Names.sweep(c.namesUsedLocked)
			c.mu.Unlock()
		}
	})
	for range 2 {
		running.Go(func() {
			for range 200 {
				a, err := c.Find(&Query{Limit: 50})
				if err != nil {
					t.Error(err)
					return
				}
				for i := range a.Records {
					if v := &a.Records[i]; v.Route != "" && v.Route != v.Path { // two sweeps in the midst of a Put cost the name
						t.Errorf("route %q, and the path says %q", v.Route, v.Path)
					}
				}
			}
		})
	}
	running.Wait()
}
