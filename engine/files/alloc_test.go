//go:build !race

package files

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/socket"
)

func TestWhatIsHeldCostsNoMemory(t *testing.T) {
	s := newSite(t, "")
	path, now := []byte("/a.txt"), socket.Nanos()
	s.often(now).Release()
	out := make([]byte, 0, 256)
	f := s.root.Held(path, now)
	defer f.Release()
	noneMatch, since, ranged, part := []byte("If-None-Match"), []byte("If-Modified-Since"), []byte("Range"), []byte("bytes=1-2")
	for name, run := range map[string]func(){
		"held":     func() { s.root.Held(path, now).Release() },
		"not held": func() { s.root.Held([]byte("/other"), now) },
		"judged": func() {
			j := Judge{File: f}
			j.SeeField(noneMatch, f.tag)
			j.SeeField(since, f.modified)
			j.SeeField(ranged, part)
			j.Verdict(false)
		},
		"range": func() { out = f.AppendRange(out[:0], 1, 2) },
	} {
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
	}
}
