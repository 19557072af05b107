package pool

import (
	"slices"
	"testing"
)

// member reads one letter: H healthy, U unhealthy, O breaker open, D disabled,
// J joining; lower case is the same for a backup.
func readCandidates(t *testing.T, s string) []candidate {
	t.Helper()
	list := make([]candidate, 0, len(s))
	for _, r := range s {
		c := candidate{serving: true, healthy: true, ready: true}
		if r >= 'a' {
			c.backup = true
			r -= 'a' - 'A'
		}
		switch r {
		case 'H':
		case 'U':
			c.healthy = false
		case 'O':
			c.ready = false
		case 'D':
			c.serving = false
		case 'J':
			c.joining = true
		default:
			t.Fatalf("no such candidate: %c", r)
		}
		list = append(list, c)
	}
	return list
}

func TestChoose(t *testing.T) {
	cases := []struct {
		name, members string
		threshold     int
		first, spare  []int
		panicking     bool
		cause         string
	}{
		{name: "all healthy", members: "HHH", threshold: 50, first: []int{0, 1, 2}},
		{name: "unhealthy ones are left out", members: "HUH", threshold: 50, first: []int{0, 2}},
		{name: "disabled ones are left out and not counted", members: "HDDD", threshold: 50, first: []int{0}},
		{name: "open ones are left out", members: "HOH", threshold: 50, first: []int{0, 2}},
		{name: "backups stand by", members: "HHh", threshold: 50, first: []int{0, 1}, spare: []int{2}},
		{name: "backups serve when no primary is healthy", members: "UUh", threshold: 50, first: []int{2}},
		{name: "backups serve when all primaries are open", members: "OOh", threshold: 50, first: []int{2}},
		{name: "backups serve when all primaries are disabled", members: "DDh", threshold: 50, first: []int{2}},
		{name: "exactly the threshold is enough", members: "HU", threshold: 50, first: []int{0}},
		{name: "below the threshold health is ignored", members: "HUU", threshold: 50, first: []int{0, 1, 2}, panicking: true},
		{name: "but not open breakers", members: "HUUO", threshold: 60, first: []int{0, 1, 2}, panicking: true},
		{name: "threshold 0 never ignores health", members: "HUUU", threshold: 0, first: []int{0}},
		{name: "nobody healthy", members: "UU", threshold: 50, first: []int{0, 1}, panicking: true},
		{name: "nobody healthy with threshold 0", members: "UU", threshold: 0, cause: causeUnhealthy},
		{name: "nobody healthy, backups neither", members: "UUu", threshold: 50, first: []int{0, 1}, spare: []int{2}, panicking: true},
		{name: "only sick backups left", members: "Du", threshold: 50, first: []int{1}, panicking: true},
		{name: "all open", members: "OO", threshold: 50, cause: causeBreakersOpen},
		{name: "all disabled", members: "DD", threshold: 50, cause: causeNoneEnabled},
		{name: "no members", members: "", threshold: 50, cause: causeNoBackends},
		{name: "joining ones wait", members: "HJ", threshold: 50, first: []int{0}},
		{name: "joining ones wait in a panic", members: "UJ", threshold: 50, first: []int{0}, panicking: true},
		{name: "only joining ones", members: "J", threshold: 50, cause: causeUnhealthy},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := choose(readCandidates(t, c.members), c.threshold)
			if !slices.Equal(got.first, c.first) || !slices.Equal(got.spare, c.spare) ||
				got.panicking != c.panicking || got.cause != c.cause {
				t.Errorf("got %+v; want first %v, spare %v, panic %v, cause %q", got, c.first, c.spare, c.panicking, c.cause)
			}
		})
	}
}

// Whatever the states, nobody is chosen who is disabled, joining or open; the
// same member is never in both tiers; and someone is chosen whenever someone
// healthy is there.
func FuzzChoose(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 16}, uint8(50))
	f.Fuzz(func(t *testing.T, members []byte, threshold uint8) {
		cs := make([]candidate, len(members))
		someone := false
		for i, b := range members {
			cs[i] = candidate{b&1 == 0, b&2 == 0, b&4 != 0, b&8 == 0, b&16 != 0}
			someone = someone || cs[i].serving && cs[i].healthy && cs[i].ready && !cs[i].joining
		}
		c := choose(cs, int(threshold%101))
		seen := make([]bool, len(cs))
		for _, i := range append(slices.Clone(c.first), c.spare...) {
			if seen[i] {
				t.Fatalf("member %d chosen twice", i)
			}
			seen[i] = true
			if !cs[i].serving || !cs[i].ready || cs[i].joining {
				t.Fatalf("chose %+v", cs[i])
			}
			if !cs[i].healthy && !c.panicking {
				t.Fatalf("chose an unhealthy member without panic")
			}
		}
		if someone && len(c.first) == 0 {
			t.Fatal("chose nobody although someone is well")
		}
		if (len(c.first) == 0) != (c.cause != "") {
			t.Fatalf("cause %q with %d members", c.cause, len(c.first))
		}
	})
}
