package inflight

import "testing"

func TestCountIsWhatWasAcquired(t *testing.T) {
	table := New(64)
	const key, other = 0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321
	for want := range 4 {
		if got := table.Count(key); got != want {
			t.Errorf("got %d; want %d", got, want)
		}
		if _, o := table.Acquire(key, 10); o != Acquired {
			t.Fatalf("got %v", o)
		}
	}
	if got := table.Count(other); got != 0 {
		t.Errorf("another key: got %d; want 0", got)
	}
}
