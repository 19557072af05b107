package look

import (
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/headroom"
)

func TestLookSeesThisProcess(t *testing.T) {
	p := New()
	first := p.Look(0)
	for worked := time.Now(); time.Since(worked) < 20*time.Millisecond; { //nolint:revive // it is the work
	}
	files := make([]*os.File, 20)
	for i := range files {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		files[i] = f
	}
	s := p.Look(len(files))
	if s.At <= first.At || s.CPU <= first.CPU || s.Processors < 0.01 || s.Others < 0 || s.GC < first.GC {
		t.Errorf("got %+v, then %+v", first, s)
	}
	of := func(s *headroom.Sample, k headroom.Kind) headroom.Load {
		i := slices.IndexFunc(s.Loads, func(l headroom.Load) bool { return l.Kind == k })
		if i < 0 {
			t.Fatalf("got %+v; want %v", s.Loads, k)
		}
		return s.Loads[i]
	}
	if m := of(s, headroom.Memory); m.Use < 1<<20 || m.Most <= m.Use || m.Constant >= 0 {
		t.Errorf("got %+v", m)
	}
	if d, before := of(s, headroom.Descriptors), of(first, headroom.Descriptors); d.Use < before.Use+20 || d.Most < d.Use || d.Constant > d.Use-20 {
		t.Errorf("got %+v, then %+v; want 20 more, which come with the load", before, d)
	}
	if n := Ports(); n < 1000 || n > 65536 {
		t.Errorf("got %d local ports", n)
	}
}

// What another goroutine uses meanwhile does not count.
func TestWakeIsThatOfOneThread(t *testing.T) {
	var ends atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !ends.Load() { //nolint:revive // it is the work
		}
	}()
	least := time.Hour
	for range 3 {
		if w := Wake(); w > 0 {
			least = min(least, w)
		}
	}
	ends.Store(true)
	<-done
	if least > wakeGap/2 {
		t.Errorf("a sleep and a wake-up cost %v; want less than half of the time between two", least)
	}
}

func TestBusyTimeIsThatOfTheProcessorsThatCount(t *testing.T) {
	const text = `cpu  100 100 100 100 100 100 100 100 0 0
cpu0 10 1000 20 5000 7 3 4 5 0 0
cpu1 1 0 2 0 0 0 0 0 0 0
cpu12 100 0 0 0 0 0 1 0 0 0
intr 1 2 3
`
	for _, c := range []struct {
		cores        []int
		busy, kernel time.Duration
		ok           bool
	}{
		{[]int{0}, 350 * time.Millisecond, 70 * time.Millisecond, true},
		{[]int{0, 12}, 1350 * time.Millisecond, 80 * time.Millisecond, true},
		{[]int{2}, 0, 0, false},
		{nil, 0, 0, false},
	} {
		busy, kernel, ok := parseBusy([]byte(text), c.cores)
		if busy != c.busy || kernel != c.kernel || ok != c.ok {
			t.Errorf("%v: got %v, %v, %v; want %v, %v, %v", c.cores, busy, kernel, ok, c.busy, c.kernel, c.ok)
		}
	}
	if _, _, ok := parseBusy([]byte("cpu0 1 2\nnothing"), []int{0}); ok {
		t.Error("a line without fields counts")
	}
}

func TestBoundsOfControlGroups(t *testing.T) {
	root := t.TempDir()
	write := func(file, text string) {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a/cpu.max", "150000 100000\n")
	write("a/b/cpu.max", "max 100000\n")
	write("cpu/c/cpu.cfs_quota_us", "-1\n")
	write("cpu/c/cpu.cfs_period_us", "100000\n")
	write("cpu/d/cpu.cfs_quota_us", "50000\n")
	write("cpu/d/cpu.cfs_period_us", "100000\n")
	write("a/memory.max", "max\n")
	write("a/b/memory.max", "1048576\n")
	write("memory/memory.limit_in_bytes", "9223372036854771712\n")

	if got, want := groupFolders(root, "0::/a/b\n", "cpu"), []string{root + "/a/b", root + "/a", root}; !slices.Equal(got, want) {
		t.Errorf("version 2: got %v; want %v", got, want)
	}
	if got, want := groupFolders(root, "3:cpu,cpuacct:/d\n2:memory:/\n", "cpu"), []string{root + "/cpu/d", root + "/cpu"}; !slices.Equal(got, want) {
		t.Errorf("version 1: got %v; want %v", got, want)
	}
	for folder, want := range map[string]float64{"a": 1.5, "a/b": 0, "cpu/c": 0, "cpu/d": 0.5, "nowhere": 0} {
		if got, ok := readQuota(filepath.Join(root, folder)); got != want || ok != (want > 0) {
			t.Errorf("%s: got %v, %v; want %v", folder, got, ok, want)
		}
	}
	for file, want := range map[string]uint64{"a/memory.max": 0, "a/b/memory.max": 1 << 20, "memory/memory.limit_in_bytes": 0} {
		if got, ok := readBytes(filepath.Join(root, file)); ok != (want > 0) || ok && got != want {
			t.Errorf("%s: got %v, %v; want %v", file, got, ok, want)
		}
	}
}

func TestTheNearerBoundOfMemoryCounts(t *testing.T) {
	machine := memoryLimit{bound: 1 << 40}
	if m := machine.load(1 << 20); m.Most != 1<<40 || m.Use < 1<<20 {
		t.Errorf("got %+v; want what is resident of the machine's", m)
	}
	both := memoryLimit{goLimit: 4 << 20, bound: 1 << 40}
	if m := both.load(3 << 20); m.Most != 4<<20 || m.Use != 3<<20 {
		t.Errorf("got %+v; want Go's of its limit", m)
	}
}
