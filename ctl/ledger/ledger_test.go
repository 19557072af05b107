package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/store"
)

func TestJudge(t *testing.T) {
	live := func(requests, failed uint64, counts ...uint64) (l Live) {
		l.Requests, l.Failed = requests, failed
		copy(l.Durations.Cells[:], counts)
		return l
	}
	for _, c := range []struct {
		name     string
		from, to Live
		percent  float64
		hasP99   bool
	}{
		{"nothing", Live{}, Live{}, 0, false},
		{"all good", live(100, 5, 100), live(400, 5, 400), 0, true},
		{"half", live(100, 0, 100), live(200, 50, 200), 50, false},
		{"counters that fell", live(100, 50, 100), live(50, 20, 50), 0, false},
		{"fewer failures", live(100, 50, 100), live(200, 40, 200), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := judge(c.from, c.to)
			if got.errorPercent != c.percent || (got.p99 > 0) != c.hasP99 {
				t.Errorf("got %+v; want %v percent, and a p99: %v", got, c.percent, c.hasP99)
			}
		})
	}
}

func TestVerdictNeedsWhatTells(t *testing.T) {
	for _, c := range []struct {
		name string
		t    trial
		now  Live
		want bool
	}{
		{"off", trial{}, Live{Requests: 1000, Failed: 1000}, false},
		{"too few", trial{abort: Abort{ErrorPercent: 1}}, Live{Requests: judgeErrorsMin - 1, Failed: judgeErrorsMin - 1}, false},
		{"enough", trial{abort: Abort{ErrorPercent: 1}}, Live{Requests: judgeErrorsMin, Failed: judgeErrorsMin}, true},
		{"as before", trial{abort: Abort{ErrorPercent: 1}, usual: usual{errorPercent: 100}}, Live{Requests: 1000, Failed: 1000}, false},
		{"nothing to compare with", trial{abort: Abort{P99Factor: 2}}, Live{Requests: 1000}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.t.verdict(c.now); (got != "") != c.want {
				t.Errorf("got %q; want an end: %v", got, c.want)
			}
		})
	}
}

// TestHistoryKeepsBothKinds fills it with lines that have no number.
func TestHistoryKeepsBothKinds(t *testing.T) {
	l := &Ledger{}
	numbered := func(n uint64) *entry {
		return &entry{Generation: api.Generation{Generation: n, Outcome: api.OutcomeApplied}}
	}
	for n := uint64(1); n <= 2*historyMax; n++ {
		l.addLocked(numbered(n))
		l.addNote(&entry{Generation: api.Generation{Outcome: api.OutcomeRefused, Reason: time.Duration(n).String()}})
	}
	counts := map[string]int{}
	for _, g := range l.History() {
		counts[g.Outcome]++
	}
	if counts[api.OutcomeApplied] != historyMax || counts[api.OutcomeRefused] != historyMax {
		t.Errorf("got %v; want %d of each", counts, historyMax)
	}
	if first := l.History()[0]; first.Reason != time.Duration(2*historyMax).String() {
		t.Errorf("got %+v; want the newest first", first)
	}
	for range 3 { // the same once more takes the place of the last one
		l.addNote(&entry{Generation: api.Generation{Outcome: api.OutcomeUnchanged, Generation: 1}})
	}
	if list := l.History(); list[0].Outcome != api.OutcomeUnchanged || list[1].Outcome == api.OutcomeUnchanged {
		t.Errorf("got %s, %s; want one line for what says the same", list[0].Outcome, list[1].Outcome)
	}
	before := l.History()
	l.become(2*historyMax, api.OutcomeRolledBack, "x")
	if before[2].Outcome == api.OutcomeRolledBack || l.History()[2].Outcome != api.OutcomeRolledBack {
		t.Errorf("got %+v; want what a reader holds as it was", before[2])
	}
}

func TestResolvedPaths(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() error{
		func() error { return os.Mkdir(filepath.Join(dir, "real"), 0o700) },
		func() error { return os.Symlink("real", filepath.Join(dir, "link")) },
		func() error { return os.Symlink("nowhere", filepath.Join(dir, "broken")) },
		func() error { return os.Symlink("loop", filepath.Join(dir, "loop")) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"real", "real", true},
		{"link", "real", true},
		{"link/none/deep", "real/none/deep", true},
		{"none", "none", true},
		{"broken", "", false},
		{"broken/x", "", false},
		{"loop", "", false},
	} {
		got, ok := resolved(filepath.Join(dir, c.path))
		if ok != c.ok || ok && got != filepath.Join(dir, c.want) {
			t.Errorf("%s: got %s, %v; want %s, %v", c.path, got, ok, c.want, c.ok)
		}
	}
}

func TestKeyOfETagsStays(t *testing.T) {
	one, err := etagKey("")
	if err != nil {
		t.Fatal(err)
	}
	if two, err := etagKey(""); err != nil || !bytes.Equal(one, two) {
		t.Errorf("without a folder: got %x and %x, %v; want the same", one, two, err)
	}
	dir := t.TempDir()
	if one, err = etagKey(dir); err != nil {
		t.Fatal(err)
	}
	if two, err := etagKey(dir); err != nil || !bytes.Equal(one, two) || len(one) != keyBytes {
		t.Errorf("got %x and %x, %v; want the same", one, two, err)
	}
	if other, err := etagKey(t.TempDir()); err != nil || bytes.Equal(one, other) {
		t.Errorf("another folder: got %x, %v; want another key", other, err)
	}
	if err := store.Write(dir, keyName, []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	if _, err := etagKey(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v; want an error that names the folder", err)
	}
}

func TestUnreadableHistoryBeginsAnew(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":2,"next":9}`} {
		dir := t.TempDir()
		if err := store.Write(dir, journalName, []byte(text)); err != nil {
			t.Fatal(err)
		}
		l, err := Open(Options{Dir: dir, Logger: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		if j := l.readJournal(); j.Next != 0 || len(j.Lines) != 0 {
			t.Errorf("%q: got %+v; want an empty one", text, j)
		}
		if kept := store.Has(dir, journalName+".unreadable"); kept != (text != "") {
			t.Errorf("%q: kept: %v; want what was there kept", text, kept)
		}
	}
}

func TestMountPoints(t *testing.T) {
	if !isMountPoint("/proc") || isMountPoint(t.TempDir()) {
		t.Errorf("got %v for /proc and %v for a folder; want true and false", isMountPoint("/proc"), isMountPoint(t.TempDir()))
	}
	if got := unescape(`/a\040b\134c`); got != `/a b\c` {
		t.Errorf("got %q", got)
	}
}
