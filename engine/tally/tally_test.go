package tally

import "testing"

func TestNumbersOutliveReloadsWhileTheyCount(t *testing.T) {
	var b Book
	open, idle, stays := b.Of("route", "open"), b.Of("route", "idle"), b.Of("pool", "stays")
	open.Add(1)
	b.Keep(func(kind, name string) bool { return kind == "pool" && name == "stays" })
	if b.Of("route", "open") != open || b.Of("pool", "stays") != stays || b.Of("route", "idle") == idle {
		t.Error("a number is lost that counts, or kept that does not")
	}
	open.Add(-1)
	b.Keep(func(string, string) bool { return false })
	if b.Of("route", "open") == open {
		t.Error("a number is kept that does not count any more")
	}
}
