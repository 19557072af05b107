//go:build !race

package trace

import "testing"

func TestContextDoesNotAllocate(t *testing.T) {
	var p Span
	room, s := make([]byte, 0, 256), NewSampler(0.5)
	parent, state := []byte("00-"+traceID+"-"+spanID+"-00"), []byte("foo=1,bar=2")
	if n := testing.AllocsPerRun(100, func() {
		var c StateCheck
		p.Begin(s, parent, seeds)
		_ = c.Line(state)
		_, _ = p.Append(room)
		p.Begin(s, nil, seeds)
		if line, at := p.Append(room); at > 0 {
			p.Put(line, at, 1)
		}
	}); n > 0 {
		t.Errorf("%v allocations; want none", n)
	}
}

// BenchmarkUnsampled is what a request costs that says it is not sampled.
func BenchmarkUnsampled(b *testing.B) {
	var p Span
	room, parent := make([]byte, 0, 256), []byte("00-"+traceID+"-"+spanID+"-00")
	for b.Loop() {
		p.Begin(Sampler{}, parent, seeds)
		p.Append(room)
	}
}

// BenchmarkBegun is what one costs that says nothing, and is not sampled.
func BenchmarkBegun(b *testing.B) {
	var p Span
	room := make([]byte, 0, 256)
	for b.Loop() {
		p.Begin(Sampler{}, nil, seeds)
		p.Append(room)
	}
}
