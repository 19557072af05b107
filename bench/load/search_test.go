package load

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRampRisesInSteps(t *testing.T) {
	url := raw(t, answering(okAnswer))
	var seen []float64
	steps, err := Ramp(t.Context(), Plan{URL: url, Connections: 2, Duration: 100 * time.Millisecond}, 50, 150, 3,
		func(s Step) { seen = append(seen, s.Result.RateAsked) })
	if err != nil || len(steps) != 3 || len(seen) != 3 {
		t.Fatalf("got %d steps, %v; want 3", len(steps), err)
	}
	for i, want := range []float64{50, 100, 150} {
		if seen[i] != want {
			t.Errorf("step %d: got rate %v; want %v", i, seen[i], want)
		}
	}
	if _, err := Ramp(t.Context(), Plan{URL: url, Count: 1}, 0, 1, 1, nil); err == nil {
		t.Error("a rate of 0 must be refused")
	}
}

// TestKneeFindsCapacity: a target that takes 20 ms for each request, one at a
// time, holds at most 50 a second.
func TestKneeFindsCapacity(t *testing.T) {
	turn := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		turn <- struct{}{}
		<-time.After(20 * time.Millisecond)
		<-turn
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(s.Close)
	f, err := Knee(t.Context(), Plan{URL: s.URL, Connections: 8, Duration: 200 * time.Millisecond}, Goal{P99: 100 * time.Millisecond, Start: 200}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine makes the target slower, never faster.
	if f.Rate <= 0 || f.Rate > 75 {
		t.Errorf("got %.0f/s; want at most 50 and a little", f.Rate)
	}
	if len(f.Steps) < 3 || f.P99Target != 100e3 {
		t.Errorf("got %d steps, target %v", len(f.Steps), f.P99Target)
	}
	if _, err := Knee(t.Context(), Plan{URL: s.URL}, Goal{}, nil); err == nil {
		t.Error("a search without a target must be refused")
	}
}
