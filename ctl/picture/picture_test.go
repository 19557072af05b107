package picture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// merge is RFC 7396, as readers do it.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = merge(t[name], value)
		}
	}
	return t
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// withoutEmpty drops objects without members: a group of which nothing is left.
func withoutEmpty(v map[string]any) map[string]any {
	for name, value := range v {
		if m, ok := value.(map[string]any); ok {
			withoutEmpty(m)
			if len(m) == 0 {
				delete(v, name)
			}
		}
	}
	return v
}

// draw makes cells of up to three groups, beside each other.
func draw(r *rand.Rand, nested bool) (list []cell) {
	groups := []string{""}
	if nested {
		groups = []string{"a", "b", "<c \"é\n>"}
		r.Shuffle(3, func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		groups = groups[:r.IntN(4)]
	}
	for _, g := range groups {
		for i := range 6 {
			if r.IntN(3) == 0 {
				continue
			}
			c := cell{group: g, name: fmt.Sprintf("10.0.0.%d:80", i)}
			switch r.IntN(4) {
			case 0:
				c.seldom = json.RawMessage(`{"up":true}`)
			case 1:
				c.seldom = json.RawMessage(`{"up":false,"deep":{"x":1,"y":2}}`)
			case 2:
				c.seldom = json.RawMessage(`{"up":false,"deep":{"x":2}}`)
			}
			for k := range c.numbers {
				c.numbers[k] = int64(r.IntN(2))
			}
			list = append(list, c)
		}
	}
	return list
}

// TestPatchesLeadToTheWhole goes from one random section to the next by patches, and compares with
// what is written whole.
func TestPatchesLeadToTheWhole(t *testing.T) {
	for _, nested := range []bool{false, true} {
		for seed := range uint64(3000) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := section{key: "s", names: []string{"one", "two"}, nested: nested, cells: draw(r, nested)}
			seen := decode(t, append(s.appendAll([]byte(`{"x":0`)), '}'))
			for range 4 {
				next := draw(r, nested)
				if r.IntN(2) == 0 { // the same places
					next = slices.Clone(s.cells)
					for i := range next {
						next[i].numbers[r.IntN(2)] += int64(r.IntN(2))
					}
				}
				seen, _ = merge(seen, any(decode(t, append(s.replace([]byte(`{"x":0`), next), '}')))).(map[string]any)
				whole := decode(t, append(s.appendAll([]byte(`{"x":0`)), '}'))
				if !reflect.DeepEqual(withoutEmpty(seen), withoutEmpty(whole)) {
					t.Fatalf("nested %v, seed %d: got %v; want %v", nested, seed, seen, whole)
				}
			}
		}
	}
}

// process is what a hub of these tests looks at.
type process struct {
	mu    sync.Mutex
	list  []pool.BackendStatus
	looks int
}

func newProcess(n int) *process {
	p := &process{}
	for i := range n {
		p.list = append(p.list, pool.BackendStatus{Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), State: "enabled", Health: "healthy", Breaker: "closed", Up: true, Reason: "status 200"})
	}
	return p
}

func (p *process) sources() Sources {
	return Sources{
		Pools: func() []pool.Status {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.looks++
			s := pool.Status{Name: "api", Backends: slices.Clone(p.list)}
			for i := range p.list {
				s.Requests += p.list[i].Requests
			}
			return []pool.Status{s}
		},
		Readings: func(list []pool.Reading) []pool.Reading {
			p.mu.Lock()
			defer p.mu.Unlock()
			for i := range p.list {
				list = append(list, pool.Reading{Pool: "api", Address: p.list[i].Address, Requests: p.list[i].Requests})
			}
			return list
		},
	}
}

func (p *process) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		p.list[i].Requests++
	}
}

// next is the next event of a reader, whose bell is rung.
func next(t *testing.T, r *Reader, bell <-chan struct{}) (string, []byte) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		if kind, data := r.Next(); kind != "" {
			return kind, data
		}
		select {
		case <-bell:
		case <-late:
			t.Fatal("no event comes")
		}
	}
}

func join(h *Hub, parts Parts) (*Reader, chan struct{}) {
	bell := make(chan struct{}, 1)
	return h.Join(parts, func() {
		select {
		case bell <- struct{}{}:
		default:
		}
	}), bell
}

// TestNobodyLooksForNobody: the goroutine ends with the last reader, and begins with the next.
func TestNobodyLooksForNobody(t *testing.T) {
	p := newProcess(2)
	var running sync.WaitGroup
	h := New(p.sources(), &running)
	if p.looks != 0 {
		t.Error("it looks before anybody reads")
	}
	for range 2 {
		r, bell := join(h, Backends)
		if kind, data := next(t, r, bell); kind != api.EventPicture || !strings.Contains(string(data), "10.0.0.1:80") {
			t.Errorf("got %s %s; want the picture first", kind, data)
		}
		r.Leave()
		running.Wait() // hangs where it goes on
	}
	if h.mu.state.backends.cells != nil || len(h.mu.frames.list) != 0 {
		t.Error("what nobody reads is kept")
	}
}

// TestLookingEndsWithItsLastReader although looks take so long that the next one is far away; one that
// was held up does not keep the next ones waiting.
func TestLookingEndsWithItsLastReader(t *testing.T) {
	p := newProcess(2)
	held := time.Second
	sources := p.sources()
	readings := sources.Readings
	sources.Readings = func(list []pool.Reading) []pool.Reading {
		<-time.After(held)
		held = 0
		return readings(list)
	}
	var running sync.WaitGroup
	h := New(sources, &running)
	r, bell := join(h, Backends)
	next(t, r, bell) // the picture, of everything
	p.count()
	began := time.Now()
	next(t, r, bell) // what a look at the counters has found, which was held up
	p.count()
	next(t, r, bell)
	if took := time.Since(began); took > rest/3*time.Second {
		t.Errorf("two looks took %v; want one that was held up for a second, and one that was not", took)
	}
	r.Leave()

	sources.Readings = func(list []pool.Reading) []pool.Reading {
		<-time.After(time.Second)
		return readings(list)
	}
	h = New(sources, &running)
	r, bell = join(h, Backends)
	for range 3 {
		next(t, r, bell)
		p.count()
		h.askNow()
	}
	began = time.Now()
	r.Leave()
	running.Wait()
	if took := time.Since(began); took > rest/3*time.Second {
		t.Errorf("the end took %v; want at once, not when the next look is due", took)
	}
}

// askNow has it look, whenever that is due.
func (h *Hub) askNow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.askLocked()
}

// TestPartsComeAndGo: who asks for more than others gets all of it, and they get no more.
func TestPartsComeAndGo(t *testing.T) {
	p := newProcess(2)
	var running sync.WaitGroup
	h := New(p.sources(), &running)
	plain, ofPlain := join(h, 0)
	_, data := next(t, plain, ofPlain)
	if strings.Contains(string(data), "10.0.0.1") {
		t.Errorf("got %s; want no backends", data)
	}
	for range 3 {
		r, bell := join(h, Backends)
		kind, data := next(t, r, bell)
		if kind != api.EventPicture || !strings.Contains(string(data), "10.0.0.1:80") {
			t.Fatalf("got %s %s; want a picture with the backends", kind, data)
		}
		p.count()
		for !strings.Contains(string(data), `"backends":{"api":{"10.0.0.0:80":{"requests":`) {
			_, data = next(t, r, bell)
			if strings.Contains(string(data), "null") {
				t.Fatalf("got %s; want nothing gone", data)
			}
		}
		for !strings.Contains(string(data), `"pools":{"api":{"requests":`) {
			if _, data = next(t, plain, ofPlain); strings.Contains(string(data), "10.0.0.1") {
				t.Fatalf("got %s; want no backends", data)
			}
		}
		r.Leave()
	}
	plain.Leave()
	running.Wait()
}

// TestFramesAreBounded, by their number and their size, and who is behind them gets a picture.
func TestFramesAreBounded(t *testing.T) {
	for _, size := range []int{1, frameBytesMax / 8} {
		var l frames
		for range 10 * framesMax {
			l.add(&frame{head: make([]byte, size)})
		}
		if n := len(l.list); n > framesMax || l.bytes > frameBytesMax || n != min(framesMax, frameBytesMax/size) {
			t.Errorf("frames of %d bytes: %d of them are kept, %d bytes", size, n, l.bytes)
		}
		if f, ok := l.behind(l.last - 1); !ok || f.number != l.last {
			t.Errorf("got %+v, %v; want the last one", f, ok)
		}
		if f, ok := l.behind(l.last); !ok || f != nil {
			t.Errorf("got %+v, %v; want none behind the last", f, ok)
		}
		if _, ok := l.behind(1); ok {
			t.Error("one that is not kept is given")
		}
	}

	p := newProcess(1)
	var running sync.WaitGroup
	h := New(p.sources(), &running)
	slow, ofSlow := join(h, Backends)
	next(t, slow, ofSlow)
	quick, ofQuick := join(h, Backends)
	next(t, quick, ofQuick)
	for range framesMax + 2 {
		h.mu.Lock()
		h.publishLocked(&frame{head: []byte(`,"requests":1`)})
		h.mu.Unlock()
		next(t, quick, ofQuick)
	}
	if kind, _ := next(t, slow, ofSlow); kind != api.EventPicture {
		t.Errorf("who was behind gets a %s; want a picture", kind)
	}
	slow.Leave()
	quick.Leave()
	running.Wait()
}

// TestPicturesAreShared by those who come at the same time.
func TestPicturesAreShared(t *testing.T) {
	p := newProcess(10)
	var running sync.WaitGroup
	h := New(p.sources(), &running)
	first, bell := join(h, Backends)
	_, a := next(t, first, bell)
	second, bell := join(h, Backends)
	_, b := next(t, second, bell)
	if &a[0] != &b[0] {
		t.Error("each has a picture of its own")
	}
	first.Leave()
	second.Leave()
	running.Wait()
}

// TestPictureIsAsTheAPISays: what is written by hand is what the type of the API has.
func TestPictureIsAsTheAPISays(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	src := newProcess(2).sources()
	src.Status = func() api.Status { return api.Status{Instance: "edge", Generation: 7, UptimeSeconds: 3} }
	src.Traffic = func() api.Traffic {
		return api.Traffic{Codes: []uint64{1, 2}, Durations: []uint64{3}, BoundsSeconds: []float64{0.5}, CPUSeconds: 1.5}
	}
	src.Routes = func() []api.RouteStatus { return []api.RouteStatus{{Name: "all", Requests: 4, LastUsed: &at}} }
	src.Requests = func() uint64 { return 9 }
	var running sync.WaitGroup
	h := New(src, &running)
	r, bell := join(h, Backends|Routes)
	_, text := next(t, r, bell)
	var got api.Picture
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if got.Requests != 9 || got.Status.Generation != 7 || got.Traffic.CPUSeconds != 1.5 || got.Routes["all"].LastUsed != at.Unix() ||
		got.Backends["api"]["10.0.0.1:80"].Reason != "status 200" || got.AtMS == 0 {
		t.Errorf("got %+v", got)
	}
	r.Leave()
	running.Wait()
}

// BenchmarkLook is a look at the counters of a thousand backends, all of which have counted, and one
// at everything.
func BenchmarkLook(b *testing.B) {
	for _, what := range []string{"counters", "everything"} {
		b.Run("backends=1000/what="+what, func(b *testing.B) {
			p := newProcess(1000)
			h := New(p.sources(), new(sync.WaitGroup))
			h.mu.readers[&Reader{hub: h, parts: Backends, ring: func() {}}] = struct{}{}
			h.look(true)
			b.ReportAllocs()
			for b.Loop() {
				p.count()
				h.look(what == "everything")
			}
		})
	}
}
