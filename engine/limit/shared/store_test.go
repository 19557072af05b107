package shared

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
)

// As many pass as the limit says, of fifty at once on one instance and on three.
func TestExactOnInstancesThatShare(t *testing.T) {
	const burst, goroutines = 300, 50
	redis := startRedis(t)
	for _, instances := range []int{1, 3} {
		t.Run(fmt.Sprintf("instances=%d", instances), func(t *testing.T) {
			stores := make([]*Store, instances)
			for i := range stores {
				stores[i] = redis.store(nil, rate.Limit{Name: "a", Rate: 1, Per: time.Hour, Burst: burst})
			}
			var passed atomic.Int64
			var group sync.WaitGroup
			for g := range goroutines {
				group.Go(func() {
					for range 2 * burst / goroutines {
						r, by, err := take(stores[g%instances], t.Name())
						if by != Shared || err != nil {
							t.Errorf("got %v, %v; want the server's answer", by, err)
						}
						if r.Allowed {
							passed.Add(1)
						}
					}
				})
			}
			group.Wait()
			if got := passed.Load(); got != burst {
				t.Errorf("%d passed; want %d", got, burst)
			}
			calls, batches := uint64(0), uint64(0)
			for _, st := range stores {
				taken, failed, sent := st.Counts()
				calls, batches = calls+taken+failed, batches+sent
			}
			if calls != 2*burst || batches >= calls {
				t.Errorf("%d calls went out in %d writes; want %d in fewer", calls, batches, 2*burst)
			}
		})
	}
}

// Over some time the rate passes, by the server's clock, whoever asks.
func TestRateOfThreeInstances(t *testing.T) {
	const perSecond, burst = 200, 20
	redis := startRedis(t)
	var passed atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	stop := make(chan struct{})
	time.AfterFunc(1500*time.Millisecond, func() { close(stop) })
	for range 3 {
		st := redis.store(nil, rate.Limit{Name: "a", Rate: perSecond, Per: time.Second, Burst: burst})
		for range 5 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if r, _, _ := take(st, "client"); r.Allowed {
						passed.Add(1)
					}
				}
			})
		}
	}
	group.Wait()
	took := time.Since(begin)
	want := burst + perSecond*took.Seconds()
	if got := float64(passed.Load()); got > want+1 || got < want*0.97-1 { // less where nobody has asked for a while
		t.Errorf("%v passed in %v; want %.0f", got, took, want)
	}
}

// The script and the local table are one law: where no time passes that matters, they
// say the same of any requests.
func TestScriptIsTheLawOfTheTable(t *testing.T) {
	redis := startRedis(t)
	random := rand.New(rand.NewPCG(5, 6))
	limits := []rate.Limit{
		{Name: "slow", Rate: 1, Per: 24 * time.Hour, Burst: 30},
		{Name: "delay", Rate: 3, Per: 300 * time.Hour, Burst: 11, MaxDelay: 250 * time.Hour},
		{Name: "block", Rate: 7, Per: 1000 * time.Hour, Burst: 17, BlockFor: 50 * time.Hour},
		{Name: "large", Rate: 0.001, Per: time.Hour, Burst: rate.BurstMax},
	}
	st := redis.store(nil, limits...)
	local := rate.NewTable(rate.Definition{MaxKeys: 100, Limits: limits})
	for n := range 1500 {
		var asks, other []rate.Ask
		var keys []Key
		for limit := range limits {
			if random.IntN(3) == 0 && (limit < 3 || len(asks) > 0) {
				continue
			}
			name := string(rune('a' + random.IntN(3)))
			asks = append(asks, rate.Ask{Key: rate.KeyString(name), Limit: limit})
			keys = append(keys, KeyBytes([]byte(name)))
		}
		other = append(other, asks...)
		got, by, err := st.Take(Wait{}, keys, asks)
		want := local.Take(1, other)
		if err != nil || by != Shared || got.Allowed != want.Allowed || got.Decided != want.Decided || !near(got.Wait, want.Wait) || !near(got.RetryAfter, want.RetryAfter) {
			t.Fatalf("step %d, limits %+v: got %+v by %v, %v; want %+v", n, asks, got, by, err, want)
		}
		for i := range asks {
			if asks[i].Refused() != other[i].Refused() || asks[i].Remaining() != other[i].Remaining() || !near(asks[i].Reset(), other[i].Reset()) {
				t.Fatalf("step %d, limit %d: got %d left, all in %v; want %d, %v",
					n, asks[i].Limit, asks[i].Remaining(), asks[i].Reset(), other[i].Remaining(), other[i].Reset())
			}
		}
	}
}

// near says that two times differ by no more than the test takes.
func near(a, b time.Duration) bool {
	return (a-b).Abs() < time.Minute || a == math.MaxInt64 || b == math.MaxInt64
}

// After a refusal the next one passes when it was said, and not long before.
func TestRetryAfterHolds(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(nil, rate.Limit{Name: "a", Rate: 10, Per: time.Second, Burst: 2, BlockFor: 300 * time.Millisecond})
	for range 2 {
		_, _, _ = take(st, "x")
	}
	r, _, err := take(st, "x")
	if r.Allowed || err != nil || r.RetryAfter < 299*time.Millisecond || r.RetryAfter > 300*time.Millisecond {
		t.Fatalf("got %+v, %v; want a refusal for 300 ms", r, err)
	}
	begin := time.Now()
	for !r.Allowed {
		r, _, _ = take(st, "x")
	}
	if took := time.Since(begin); took < 290*time.Millisecond {
		t.Errorf("passed after %v; want 300 ms", took)
	}
	for n := range 2 { // what has come back in the meantime
		if r, _, _ = take(st, "x"); r.Allowed != (n == 0) {
			t.Errorf("request %d after the block: allowed %v", n, r.Allowed)
		}
	}
}

// Keys go by themselves, when they are at rest or their block ends, and say nothing of
// who they are.
func TestKeysExpire(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(nil,
		rate.Limit{Name: "a", Rate: 1, Per: time.Minute, Burst: 10},
		rate.Limit{Name: "b", Rate: 1, Per: time.Second, Burst: 2, BlockFor: time.Hour},
	)
	for range 3 {
		_, _, _ = take(st, "secret")
	}
	keys := redis.keys()
	if len(keys) != 2 {
		t.Fatalf("got %v; want two keys", keys)
	}
	for _, key := range keys {
		millis := redis.client.PTTL(t.Context(), key).Val().Milliseconds()
		if !strings.HasPrefix(key, "test:") || strings.Contains(key, "secret") {
			t.Errorf("key %q: want the prefix, and not the text", key)
		}
		isA := strings.Contains(key, st.laws[0].sign)
		if isA && (millis < 115_000 || millis > 120_001) || !isA && (millis < 3_595_000 || millis > 3_600_001) {
			t.Errorf("key %q goes in %d ms; want two minutes, or an hour", key, millis)
		}
	}
}

// A limit that is defined anew begins anew, as its units may be others.
func TestDefinitionsHaveTheirOwnKeys(t *testing.T) {
	redis := startRedis(t)
	for n, burst := range []int{1, 2, 1} {
		st := redis.store(nil, rate.Limit{Name: "a", Rate: 1, Per: time.Hour, Burst: burst})
		if r, _, err := take(st, "x"); r.Allowed != (n < 2) || err != nil {
			t.Errorf("definition %d: got %+v, %v", n, r, err)
		}
	}
}

// A value that is none of ours is nobody's state, and a clock that was set back holds
// nobody up for longer than the limit does.
func TestValuesThatCannotBe(t *testing.T) {
	redis := startRedis(t)
	st := redis.store(nil, rate.Limit{Name: "a", Rate: 1, Per: time.Second, Burst: 2, BlockFor: time.Minute})
	for _, c := range []struct {
		value string
		most  time.Duration // 0: it passes
	}{
		{"", 0},
		{"x", 0},
		{"-5", 0},
		{"1 x", 0},
		{"9000000000000000", 62 * time.Second},
		{"1 9000000000000000", 62 * time.Second},
		{"0", 0},
	} {
		redis.do("FLUSHALL")
		_, _, _ = take(st, "x")
		redis.do("SET", redis.keys()[0], c.value)
		r, by, err := take(st, "x")
		if by != Shared || err != nil || r.Allowed != (c.most == 0) || r.RetryAfter > c.most {
			t.Errorf("%q: got %+v by %v, %v; want a refusal for at most %v", c.value, r, by, err, c.most)
		}
	}
}

func TestLimitsThatCannotBeShared(t *testing.T) {
	table := func(l rate.Limit) *rate.Table {
		return rate.NewTable(rate.Definition{MaxKeys: 1, Limits: []rate.Limit{l}})
	}
	good := table(rate.Limit{Rate: 8e6, Per: time.Second, Burst: 1})
	for _, c := range []struct {
		name string
		o    Options
		fine bool
	}{
		{"fine", Options{Timeout: 1, Lanes: 1, OnFailure: Open, Table: good}, true},
		{"no timeout", Options{Lanes: 1, OnFailure: Open, Table: good}, false},
		{"no lane", Options{Timeout: 1, OnFailure: Open, Table: good}, false},
		{"no failure", Options{Timeout: 1, Lanes: 1, Table: good}, false},
		{"rate", Options{Timeout: 1, Lanes: 1, OnFailure: Open, Table: table(rate.Limit{Rate: 8.1e6, Per: time.Second, Burst: 1})}, false},
	} {
		st, err := New(c.o)
		if (err == nil) != c.fine {
			t.Errorf("%s: got %v; want fine %v", c.name, err, c.fine)
		}
		if err == nil {
			st.Close()
		}
	}
}

// FuzzCompile: all numbers of a law are whole, and small enough to be exact.
func FuzzCompile(f *testing.F) {
	f.Add(100.0, int64(time.Second), 200, int64(time.Second), int64(time.Hour))
	f.Add(1e-9, int64(1), 1<<30, int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, perPer float64, per int64, burst int, delay, block int64) {
		l := rate.Limit{Rate: perPer, Per: time.Duration(per), Burst: burst, MaxDelay: time.Duration(delay), BlockFor: time.Duration(block)}
		if l.Check() != nil {
			return
		}
		w, err := compile(&l)
		if err != nil {
			return
		}
		var ratio float64
		var numbers [4]int64
		if _, err := fmt.Sscan(strings.Join(w.args[:], " "), &ratio, &numbers[0], &numbers[1], &numbers[2], &numbers[3]); err != nil {
			t.Fatalf("%+v: %v: %v", l, w.args, err)
		}
		if ratio <= 0 || ratio > ratioMax || numbers[0] != 1<<w.shift || numbers[1] != int64(burst)<<w.shift || numbers[1] > exactMax/2 {
			t.Fatalf("%+v: got %v", l, w.args)
		}
		if interval, want := float64(numbers[0])/ratio, float64(per)/1000/perPer; math.Abs(interval-want) > want*1e-9 {
			t.Fatalf("%+v: an interval is %v us; want %v", l, interval, want)
		}
		for _, n := range numbers[2:] {
			if n < 0 || n > exactMax/4 {
				t.Fatalf("%+v: got %v", l, w.args)
			}
		}
	})
}
