package algo

import (
	"math"
	"testing"
	"time"
)

func TestRampShare(t *testing.T) {
	const second = int64(time.Second)
	cases := []struct {
		name        string
		since, ramp int64
		want        uint32
	}{
		{"start", 0, 30 * second, rampFirst},
		{"clock behind", -5 * second, 30 * second, rampFirst},
		{"first instant", 1, 30 * second, rampFirst},
		{"half", 15 * second, 30 * second, rampFirst + (RampFull-rampFirst)/2},
		{"last instant", 30*second - 1, 30 * second, RampFull - 1},
		{"end", 30 * second, 30 * second, RampFull},
		{"after", 90 * second, 30 * second, RampFull},
		{"no ramp", 0, 0, RampFull},
		{"negative ramp", 5, -1, RampFull},
		{"longest", math.MaxInt64 - 1, math.MaxInt64, RampFull - 1},
		{"shortest", 0, 1, rampFirst},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := RampShare(c.since, c.ramp); got != c.want {
				t.Errorf("RampShare(%d, %d) = %d; want %d", c.since, c.ramp, got, c.want)
			}
		})
	}
}

func TestRampShareNeverFalls(t *testing.T) {
	last := uint32(0)
	for since := int64(-10); since < 1010; since++ {
		got := RampShare(since, 1000)
		if got < last || got < 1 || got > RampFull {
			t.Fatalf("RampShare(%d, 1000) = %d after %d", since, got, last)
		}
		last = got
	}
}
