package files

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// inMemory is a file of so many bytes for the cache.
func inMemory(key *string, path string, sum uint64, size int) *File {
	f := &File{Content: make([]byte, size), Size: int64(size), key: key, path: path, sum: sum}
	f.refs.Store(1)
	f.checkedNanos.Store(socket.Nanos())
	return f
}

func TestCacheKeepsToItsBounds(t *testing.T) {
	var c Cache
	defer c.Close()
	key := "k"
	for i := range 3 * contentsMax / contentMax {
		f := inMemory(&key, strconv.Itoa(i), uint64(i), contentMax)
		c.put(f)
		f.Release()
		if n := c.contents.Load(); n > contentsMax {
			t.Fatalf("%d bytes are in memory; want at most %d", n, contentsMax)
		}
	}
	if n := c.contents.Load(); n < contentsMax/2 {
		t.Errorf("%d bytes are in memory; want them used", n)
	}
}

// Where there is no room, those go that nobody has asked for lately, and the next one fits.
func TestRoomIsMade(t *testing.T) {
	var c Cache
	defer c.Close()
	key, now := "k", socket.Nanos()
	for i := range contentsMax / contentMax {
		f := inMemory(&key, strconv.Itoa(i), uint64(i), contentMax)
		c.put(f)
		f.Release()
	}
	for range 2 { // the first look tries to make some
		if c.hasRoom(1, now) || !c.hasRoom(contentMax+1, now) {
			t.Error("want no room in memory, and places for open files")
		}
	}
	for i := range c.places {
		if f := c.places[i].Load(); f != nil && i%2 == 0 {
			f.checkedNanos.Store(now - int64(idleTimeFull) - 1)
		}
	}
	if now += int64(sweepGap); c.hasRoom(1, now) || !c.hasRoom(contentMax, now) {
		t.Error("want room for the one that comes after")
	}
}

// The one that was asked for least lately makes room in its set, and the same file takes
// the place of what it was.
func TestPlacesOfASet(t *testing.T) {
	var c Cache
	defer c.Close()
	key := "k"
	put := func(path string, at int64) {
		f := inMemory(&key, path, 1, 1)
		f.checkedNanos.Store(at)
		c.put(f)
		f.Release()
	}
	has := func(path string) bool {
		f := c.find(&key, []byte(path), 1)
		if f != nil {
			f.Release()
		}
		return f != nil
	}
	now := socket.Nanos()
	for i, path := range []string{"a", "b", "c", "d"} {
		put(path, now+int64(i))
	}
	put("b", now+10)
	for _, path := range []string{"a", "b", "c", "d"} {
		if !has(path) {
			t.Errorf("%s is not there", path)
		}
	}
	put("e", now+11)
	put("f", now+12)
	for path, want := range map[string]bool{"a": false, "b": true, "c": false, "d": true, "e": true, "f": true} {
		if has(path) != want {
			t.Errorf("%s is there: %v; want %v", path, !want, want)
		}
	}
	if n := c.contents.Load(); n != waysMax {
		t.Errorf("%d bytes are counted; want %d", n, waysMax)
	}
}

func TestAsksCountsWithinASecond(t *testing.T) {
	var c Cache
	second := int64(time.Second)
	for range often - 1 {
		if c.asks(1, second) {
			t.Fatal("it is often before its time")
		}
	}
	if c.asks(1, 2*second) || c.asks(1<<32|1, 2*second) || c.asks(1, 2*second) {
		t.Error("another second, or another file, goes on with the count")
	}
	for range often - 2 {
		c.asks(1, 2*second)
	}
	for range 2 {
		if !c.asks(1, 2*second) {
			t.Error("it is not often")
		}
	}
}

// Whoever comes while others put, drop and sweep gets a file that is there, and in the end
// nothing is counted any more.
func TestCacheUnderContention(t *testing.T) {
	var c Cache
	key := "k"
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 20_000 {
				sum := r.Uint64N(12)
				path := strconv.FormatUint(sum, 10)
				f := c.find(&key, []byte(path), sum)
				if f == nil {
					f = inMemory(&key, path, sum, 16)
					c.put(f)
				}
				if f.refs.Load() < 1 || len(f.Content) != 16 || f.path != path {
					t.Error("got a file that is gone, or another one")
				}
				switch r.Uint64N(8) {
				case 0:
					c.drop(f)
				case 1:
					c.sweep(0)
				}
				f.Release()
			}
		})
	}
	all.Wait()
	c.Close()
	if n := c.contents.Load(); n != 0 {
		t.Errorf("%d bytes are counted although nobody has a file", n)
	}
}

// BenchmarkHeld compares a look at the cache with one at a map behind a lock that readers
// share.
func BenchmarkHeld(b *testing.B) {
	var c Cache
	defer c.Close()
	r := NewRoot(Folder{Path: "/"}, &c)
	path := []byte("/assets/app.js")
	f := inMemory(&r.key, string(path), r.sum(path), 100)
	f.checkedNanos.Store(1)
	c.put(f)
	b.Run("way=places", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Held(path, 2).Release()
			}
		})
	})
	b.Run("way=lock", func(b *testing.B) {
		var mu sync.RWMutex
		all := map[string]*File{string(path): f}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				mu.RLock()
				f := all[string(path)]
				f.hold()
				mu.RUnlock()
				f.Release()
			}
		})
	})
}
