package record

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// tried is an exchange of 100 ms from client, whose trail says what backends did.
func tried(c *Recorder, took int64, note func(t *Trail, number func(address string) uint32)) *Record {
	r := exchange("/", end.OK, 200)
	r.Took = took
	r.SetClient(netip.MustParseAddr("192.0.2.1"))
	var t Trail
	note(&t, func(address string) uint32 { return c.Names.Number(NewName(address)) })
	t.Into(r)
	return r
}

// The parts of a record are as long together as the exchange.
func TestSplit(t *testing.T) {
	c := New(1)
	for _, tc := range []struct {
		name       string
		note       func(t *Trail, number func(string) uint32)
		end        end.End
		reached    end.Phase
		body, send int64
		want       string
	}{
		{
			name: "answer", want: "admit 5 connect 2 answer 73 relay 20 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("b"), 0, ms(5))
				t.Opened(Connection{TookNanos: ms(2)})
				t.Ended(end.OK, 200, ms(80), ms(80))
			},
		},
		{
			name: "slow head", want: "read 60 admit 5 answer 15 relay 20 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Read = ShortOf(60 * time.Millisecond)
				t.Begin(n("b"), 0, ms(65))
				t.Ended(end.OK, 200, ms(80), ms(80))
			},
		},
		{
			name: "slow content", body: ms(70), want: "body 70 answer 28 relay 2 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("b"), 0, 0)
				t.Ended(end.OK, 200, ms(98), ms(98))
			},
		},
		{
			name: "content that a stage waits for", body: ms(70), want: "body 70 admit 20 answer 8 relay 2 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("b"), 0, ms(90))
				t.Ended(end.OK, 200, ms(98), ms(98))
			},
		},
		{
			name: "slow reader", send: ms(72), want: "answer 10 relay 18 send 72 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("b"), 0, 0)
				t.Ended(end.OK, 200, ms(10), ms(10))
			},
		},
		{
			name: "second attempt", want: "retry 30 pause 10 answer 50 relay 10 of b, 30 of a",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("a"), 0, 0)
				t.Ended(end.Reset, 0, 0, ms(30))
				t.Begin(n("b"), 0, ms(40))
				t.Ended(end.OK, 200, ms(90), ms(90))
			},
		},
		{
			name: "rival that has won", want: "retry 50 answer 40 relay 10 of b, 50 of a",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("a"), 0, 0)
				place := t.Rival(n("b"), 0, ms(50))
				t.Ended(end.Outrun, 0, 0, ms(90))
				t.Won(place, n("b"), 0, ms(50))
				t.Ended(end.OK, 200, ms(90), ms(90))
			},
		},
		{
			name: "rival that has not", want: "answer 90 relay 10 of a",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("a"), 0, 0)
				t.Rival(n("b"), 0, ms(50))
				t.Ended(end.OK, 200, ms(90), ms(90))
			},
		},
		{
			name: "more attempts than are kept", want: "retry 80 answer 10 relay 10 of b, 10 of a, 10 of a, 10 of a",
			note: func(t *Trail, n func(string) uint32) {
				for i := range int64(8) {
					t.Begin(n("a"), 0, ms(10*i))
					t.Ended(end.Reset, 0, 0, ms(10*i+10))
				}
				t.Begin(n("b"), 0, ms(80))
				t.Ended(end.OK, 200, ms(90), ms(90))
			},
		},
		{
			name: "no connection", end: end.ConnectTimeout, reached: end.PhaseConnect, want: "connect 95 own 5 of b",
			note: func(t *Trail, n func(string) uint32) {
				t.Begin(n("b"), 0, 0)
				t.Ended(end.ConnectTimeout, 0, 0, ms(95))
			},
		},
		{name: "own answer", reached: end.PhaseRelay, want: "own 100", note: func(*Trail, func(string) uint32) {}},
		{name: "queue", end: end.QueueTimeout, reached: end.PhaseAdmit, want: "admit 100", note: func(*Trail, func(string) uint32) {}},
		{name: "head that never came", end: end.SlowHeader, reached: end.PhaseRead, want: "read 100", note: func(*Trail, func(string) uint32) {}},
		{
			name: "content that never came", end: end.ClientSlow, reached: end.PhaseAdmit, body: ms(100), want: "body 100",
			note: func(*Trail, func(string) uint32) {},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tried(c, ms(100), tc.note)
			r.End, r.Reached = tc.end, tc.reached
			r.Speaks(HTTP3, 3)
			r.Waited(tc.body, tc.send)
			s := r.split()
			var got strings.Builder
			sum := int64(0)
			for p := range Parts {
				sum += s.of[p]
				if n := (s.of[p] + ms(1)/2) / ms(1); n > 0 {
					fmt.Fprintf(&got, " %v %d", p, n)
				}
			}
			if s.backend != 0 {
				got.WriteString(" of " + c.Names.text(s.backend))
			}
			for _, e := range s.retried {
				if e.backend != 0 {
					fmt.Fprintf(&got, ", %d of %s", (e.nanos+ms(1)/2)/ms(1), c.Names.text(e.backend))
				}
			}
			if got.String() != " "+tc.want || sum != r.Took {
				t.Errorf("got%s, together %d; want %s, together %d", got.String(), sum, tc.want, r.Took)
			}
			if v := c.view(place{}, r); v.Version != HTTP3 || v.Refusal != "deadline" || v.Tunnel || v.PathCut {
				t.Errorf("what was waited for has changed something else: %+v", v)
			}
		})
	}
}

// Whatever is in a record, its parts are as long together as it says, and none is negative.
func FuzzSplit(f *testing.F) {
	f.Add(int64(1000), uint16(3), uint16(9), uint8(2), uint8(1), uint8(0xff), uint8(0xff), uint16(0x400), uint16(100), uint16(5), uint8(3))
	f.Fuzz(func(t *testing.T, took int64, read, admit uint16, triedN, rivals, flags, spoken uint8, what, began, answer uint16, e uint8) {
		r := &Record{Took: max(took, 0), Read: Short(read), Admit: Short(admit), Tried: triedN, Rivals: rivals, Flags: Flags(flags), spoken: spoken}
		r.End = end.End(e) % end.Ends
		r.Reached = end.Phase(e) % end.Phases
		for i := range r.Tries {
			r.Tries[i] = Try{Backend: 1, what: what * uint16(i), Began: Short(began * uint16(i)), Answer: Short(answer), Connect: Short(answer / 2), End: r.End}
		}
		s, sum := r.split(), int64(0)
		for p := range Parts {
			if s.of[p] < 0 {
				t.Errorf("%v: got %d", p, s.of[p])
			}
			sum += s.of[p]
		}
		if diff := sum - r.Took; diff < -int64(time.Microsecond) || diff > int64(time.Microsecond) {
			t.Errorf("together %d of %d: %+v", sum, r.Took, s)
		}
	})
}

// recordsSince is a recorder that began some minutes ago, at 0 of its clock.
func recordsSince(l Limits) *Recorder {
	c := New(2)
	c.Configure(l)
	kept, began := c.rings.Load(), time.Now().Add(-10*time.Minute)
	kept.since = began
	for i := range kept.shards {
		clock := &kept.shards[i].clock
		clock.askedNanos.Store(math.MaxInt64)
		clock.ahead.Store(began.UnixNano())
	}
	return c
}

// load is a recorder with n exchanges a backend, over 10 s; took says how long each of them
// waits for it.
func load(backends, n int, took func(backend, i int) int64) *Recorder {
	c := recordsSince(Limits{Records: 8192, Errors: 400, Slow: 100})
	route, pool := NewName("api"), NewName("p")
	for i := range n {
		for b := range backends {
			answered := took(b, i)
			r := tried(c, answered+ms(1), func(t *Trail, number func(string) uint32) {
				t.Begin(number(fmt.Sprintf("10.0.0.%d:80", b+1)), 0, 0)
				t.Ended(end.OK, 200, answered, answered)
			})
			r.Route, r.Pool = c.Names.Number(route), c.Names.Number(pool)
			now := 100*second + int64(i)*10*second/int64(n)
			r.Started = now - r.Took
			c.Put(i%2, now, r)
		}
	}
	return c
}

func blame(t *testing.T, c *Recorder, q BlameQuery) *Blame {
	t.Helper()
	q.Rows = 10
	a, err := c.Blame(&q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// One of three backends is slow: it is the one that is blamed, and compared with the others.
func TestTheSlowBackendIsBlamed(t *testing.T) {
	c := load(3, 1000, func(backend, i int) int64 {
		if backend == 2 {
			return ms(70) + int64(i)*100_000
		}
		return ms(5)
	})
	a := blame(t, c, BlameQuery{Route: "api"})
	if a.Exchanges != 3000 || a.P50 < 5*time.Millisecond || a.P50 > 7*time.Millisecond || a.P99 < 166*time.Millisecond || a.P99 > 169*time.Millisecond || a.Slowest != time.Duration(ms(71)+999*100_000) {
		t.Errorf("got %+v", a)
	}
	tail := a.Tail
	if tail == nil || tail.Percent != 1 || tail.Exchanges < 28 || tail.Exchanges > 34 || tail.Longer != 0 {
		t.Fatalf("got tail %+v", tail)
	}
	first := tail.Parts[0]
	if first.Part != PartAnswer || first.Share < 0.95 || first.Backend != "10.0.0.3:80" || first.Pool != "p" || first.BackendShare != 1 || first.Backends != 1 {
		t.Errorf("got %+v", first)
	}
	if first.Mean < 160*time.Millisecond || first.Usual < 30*time.Millisecond || first.Usual > 50*time.Millisecond {
		t.Errorf("got %v in the tail, %v else", first.Mean, first.Usual)
	}
	b := tail.Backends[0]
	slower := float64(b.Median) / float64(b.SiblingsMedian)
	if len(tail.Backends) != 1 || b.Backend != "10.0.0.3:80" || b.All != 1000 || b.Slow != tail.Exchanges || b.Siblings != 2 || b.SiblingsAll != 2000 || b.SiblingsSlow != 0 || slower < 19 || slower > 24 {
		t.Errorf("got %+v, %v times slower", tail.Backends, slower)
	}
	if len(tail.Clients) != 0 {
		t.Errorf("got clients %+v; want none", tail.Clients)
	}
}

// A client that takes its answer slowly is blamed for itself.
func TestTheSlowClientIsBlamed(t *testing.T) {
	c := load(2, 600, func(int, int) int64 { return ms(5) })
	slow := netip.MustParseAddr("2001:db8::7")
	for i := range int64(20) {
		r := tried(c, ms(900), func(t *Trail, number func(string) uint32) {
			t.Begin(number("10.0.0.1:80"), 0, 0)
			t.Ended(end.OK, 200, ms(5), ms(5))
		})
		r.SetClient(slow)
		r.Waited(0, ms(895))
		r.Started = 105*second + i
		c.Put(0, 106*second, r)
	}
	tail := blame(t, c, BlameQuery{}).Tail
	if tail == nil || tail.Parts[0].Part != PartSend || tail.Parts[0].Share < 0.9 || tail.Parts[0].Backend != "" || tail.Parts[0].Part.Side() != end.SideClient {
		t.Fatalf("got %+v", tail)
	}
	if len(tail.Clients) != 1 || tail.Clients[0].Client != slow || tail.Clients[0].Exchanges != 20 || tail.Clients[0].Share < 0.9 {
		t.Errorf("got %+v", tail.Clients)
	}
}

// Few exchanges lead to no conclusion.
func TestTooFewToBlame(t *testing.T) {
	for _, tc := range []struct {
		n, percent    int
		p50, p90, p99 bool
	}{{1, 0, false, false, false}, {19, 0, false, false, false}, {20, 0, true, false, false}, {99, 0, true, false, false}, {100, 10, true, true, false}, {999, 10, true, true, false}, {1000, 1, true, true, true}} {
		a := blame(t, load(1, tc.n, func(_, i int) int64 { return ms(int64(i)) }), BlameQuery{})
		percent := 0
		if a.Tail != nil {
			percent = a.Tail.Percent
		}
		if a.Exchanges != tc.n || percent != tc.percent || a.P50 > 0 != tc.p50 || a.P90 > 0 != tc.p90 || a.P99 > 0 != tc.p99 {
			t.Errorf("%d: got %+v, tail of %d %%", tc.n, a, percent)
		}
	}
}

// Quantiles are those of the time in which every exchange is kept: slow ones and errors that
// are kept for longer would make them longer.
func TestQuantilesAreOfWhatIsKeptWhole(t *testing.T) {
	c := recordsSince(Limits{Records: 1000, Errors: 400, Slow: 100})
	put := func(shard int, took, now int64, e end.End) {
		r := exchange("/", e, 200)
		if e != end.OK {
			r.Status = 502
		}
		r.Took, r.Started = took, now-took
		c.Put(shard, now, r)
	}
	for s := range int64(50) { // long ago, in one of the shards slow ones, and failures
		put(0, ms(2000), 100*second+s*second, end.OK)
		put(0, ms(1000), 100*second+s*second, end.Reset)
	}
	put(1, ms(3000), 100*second, end.OK) // the other shard has dropped nothing
	for i := range int64(1200) {
		put(0, ms(10)+i%100*10_000, 200*second+i*1e6, end.OK)
	}
	put(0, ms(20), 202*second, end.Timeout)
	a := blame(t, c, BlameQuery{})
	if a.Exchanges != 1000 || a.P99 > 11*time.Millisecond || a.Slowest != 20*time.Millisecond {
		t.Errorf("got %+v; want 1000 of about 10 ms", a)
	}
	if a.Tail == nil || a.Tail.Exchanges > 30 || a.Tail.Longer < 50 || a.Tail.Longer > 52 || a.Tail.LongerFrom.After(a.From.Add(-time.Minute)) {
		t.Errorf("got %+v; want the slow ones of before counted apart", a.Tail)
	}
	want := []Failure{{End: end.Timeout, Exchanges: 1}, {End: end.Reset, Longer: 50}}
	if len(a.Failures) != 2 || a.Failures[0] != want[0] || a.Failures[1] != want[1] {
		t.Errorf("got %+v; want %+v", a.Failures, want)
	}
	a = blame(t, c, BlameQuery{Since: a.From.Add(time.Millisecond)})
	if a.Tail != nil && a.Tail.Longer != 0 || len(a.Failures) != 1 {
		t.Errorf("since then: got %+v, %+v", a.Tail, a.Failures)
	}
}

func TestBlameOfRoutes(t *testing.T) {
	c := load(1, 300, func(_, i int) int64 { return ms(int64(i)) })
	if a := blame(t, c, BlameQuery{Route: "other"}); a.Exchanges != 0 || a.Tail != nil {
		t.Errorf("got %+v; want nothing", a)
	}
	if tail := blame(t, c, BlameQuery{}).Tail; len(tail.Routes) != 1 || tail.Routes[0].Name != "api" || tail.Routes[0].Share != 1 {
		t.Errorf("got %+v", tail.Routes)
	}
	c.Configure(Limits{})
	if _, err := c.Blame(&BlameQuery{Rows: 1}); !errors.Is(err, ErrOff) {
		t.Errorf("got %v; want it off", err)
	}
}

// A pool that has one backend, or that nobody else answers for, has nothing to compare with.
func TestBackendsThatAreAlone(t *testing.T) {
	tail := blame(t, load(1, 300, func(_, i int) int64 { return ms(int64(i)) }), BlameQuery{}).Tail
	if b := tail.Backends[0]; b.Siblings != 0 || b.SiblingsMedian != 0 || b.Median < 145*time.Millisecond || b.Median > 150*time.Millisecond {
		t.Errorf("got %+v", b)
	}
}

// BenchmarkBlame goes through rings that are full: two shards with what is kept by default.
func BenchmarkBlame(b *testing.B) {
	c := recordsSince(Limits{Records: 65536, Errors: 16384, Slow: 4096})
	route, pool, backend := c.Names.Number(NewName("api")), c.Names.Number(NewName("p")), c.Names.Number(NewName("10.0.0.1:80"))
	for i := range int64(200_000) {
		r := exchange("/", []end.End{end.OK, end.OK, end.OK, end.Reset}[i%4], 200)
		r.Route, r.Pool, r.Took = route, pool, ms(i%997)
		var trail Trail
		trail.Begin(backend, 0, 0)
		trail.Ended(end.OK, 200, r.Took, r.Took)
		trail.Into(r)
		r.Started = 100*second + i*1e5
		c.Put(int(i%2), r.Started+r.Took, r)
	}
	b.ReportAllocs()
	for b.Loop() {
		if a, err := c.Blame(&BlameQuery{Rows: 20}); err != nil || a.Tail == nil {
			b.Fatal(a, err)
		}
	}
}
