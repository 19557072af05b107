//go:build !race

package sample

import "testing"

func TestKeepingDoesNotAllocate(t *testing.T) {
	s, now := New(1), int64(0)
	method, path, query, host := []byte("GET"), []byte("/path"), []byte("a=b&c"), []byte("h.test")
	name, value := []byte("X-Field"), []byte("value")
	once := func() {
		now += pauseNanos
		if !s.Due(0, now) {
			t.Fatal("it is not due")
		}
		to := s.Take(0)
		to.Begin(method, path, query, host, 1)
		to.Field(name, value)
		to.End()
		to.Keep()
	}
	for range slots { // all pages are there then
		once()
	}
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}

// BenchmarkDue is what an exchange pays that is not taken.
func BenchmarkDue(b *testing.B) {
	s := New(1)
	for range 2 * slots {
		s.Due(0, 1)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.Due(0, 1) {
			b.Fatal("it is due")
		}
	}
}
