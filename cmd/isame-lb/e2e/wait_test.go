package e2e

import (
	"testing"
	"time"
)

// patience bounds every wait for something that normally takes milliseconds.
// It is long because the machine may be busy and the race detector slows down.
const patience = 20 * time.Second

// eventually asks condition until it holds: at once, then every few
// milliseconds. condition returns "" or what is still missing.
func eventually(t *testing.T, what string, condition func() string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		missing := condition()
		if missing == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: still %s after %v", what, missing, patience)
		}
	}
}

// within fails when done is not closed in time.
func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not done after %v", what, patience)
	}
}
