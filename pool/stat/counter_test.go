package stat

import (
	"sync"
	"testing"
	"unsafe"
)

func TestCounterSumsShards(t *testing.T) {
	c := NewCounter(3)
	c.Add(0, 1)
	c.Add(1, 10)
	c.Add(2, 100)
	c.Add(2, 100)
	if got, want := c.Sum(), uint64(211); got != want {
		t.Errorf("Sum: got %d; want %d", got, want)
	}
}

func TestNoShardsMeansOne(t *testing.T) {
	c, s, h := NewCounter(0), NewCodes(-1), NewHistogram(0)
	c.Add(0, 1)
	s.Add(0, 200)
	h.Observe(0, 1)
	if snapshot := h.Snapshot(); c.Sum() != 1 || s.Total() != 1 || snapshot.Count() != 1 {
		t.Errorf("got %d, %d, %d; want 1 each", c.Sum(), s.Total(), snapshot.Count())
	}
}

// TestStripesFillCacheLines pins what keeps shards from disturbing each other.
func TestStripesFillCacheLines(t *testing.T) {
	for _, c := range []struct {
		name string
		size uintptr
	}{
		{"stripe", unsafe.Sizeof(stripe{})},
		{"decade", unsafe.Sizeof(codeDecade{})},
		{"histogram row", unsafe.Sizeof(histogramRow{})},
		{"histogram chunk", unsafe.Sizeof(histogramChunk{})},
	} {
		if c.size%lineBytes != 0 {
			t.Errorf("%s has %d bytes; want a multiple of %d", c.name, c.size, lineBytes)
		}
	}
	codes := NewCodes(1)
	codes.Add(0, 200)
	if address := uintptr(unsafe.Pointer(codes.decade(0, 20))); address%lineBytes != 0 {
		t.Errorf("a decade lies at %#x; want it aligned to %d", address, lineBytes)
	}
}

func TestConcurrentCountsAreAllSeen(t *testing.T) {
	const shards, writers, each = 2, 8, 2_000
	var (
		c = NewCounter(shards)
		s = NewCodes(shards)
		h = NewHistogram(shards)
	)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				c.Add(w%shards, 1)
				// Every writer meets new nodes at the same time as the others.
				s.Add(w%shards, 100+i%900)
				h.Observe(w%shards, bounds[i%len(bounds)])
			}
		})
	}
	stop := make(chan struct{})
	readerDone := make(chan struct{})
	go func() {
		defer close(readerDone)
		var before uint64
		for {
			select {
			case <-stop:
				return
			default:
			}
			now := s.Total()
			if now < before {
				t.Errorf("Total fell from %d to %d", before, now)
				return
			}
			before = now
			snapshot := h.Snapshot()
			_, _ = snapshot.Count(), c.Sum()
		}
	}()
	wg.Wait()
	close(stop)
	<-readerDone

	const want = writers * each
	snapshot := h.Snapshot()
	for _, r := range []struct {
		name      string
		got, want uint64
	}{
		{"counter", c.Sum(), want},
		{"codes", s.Total(), want},
		{"histogram", snapshot.Count(), want},
	} {
		if r.got != r.want {
			t.Errorf("%s: got %d; want %d", r.name, r.got, r.want)
		}
	}
}
