package pool

import (
	"slices"
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

// readCandidates reads one letter for each: H healthy, U unhealthy, X dead, O
// breaker open, D disabled, J joining; lower case is the same for a backup. After
// it may stand ' for the own zone, and a digit for the rank.
func readCandidates(t *testing.T, s string) []candidate {
	t.Helper()
	list := make([]candidate, 0, len(s))
	for _, r := range s {
		switch last := len(list) - 1; {
		case r == '\'':
			list[last].local = true
			continue
		case r >= '0' && r <= '9':
			list[last].rank = int(r - '0')
			continue
		}
		c := candidate{serving: true, healthy: true, ready: true, weight: 1}
		if r >= 'a' {
			c.rank = 1
			r -= 'a' - 'A'
		}
		switch r {
		case 'H':
		case 'U':
			c.healthy = false
		case 'X':
			c.healthy, c.dead = false, true
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
		third         []int
		panicking     bool
		cause         end.End
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
		{name: "nobody healthy with threshold 0", members: "UU", threshold: 0, cause: end.NoHealthyBackend},
		{name: "nobody healthy, backups neither", members: "UUu", threshold: 50, first: []int{0, 1}, spare: []int{2}, panicking: true},
		{name: "only sick backups left", members: "Du", threshold: 50, first: []int{1}, panicking: true},
		{name: "all open", members: "OO", threshold: 50, cause: end.CircuitOpen},
		{name: "all disabled", members: "DD", threshold: 50, cause: end.NoBackendEnabled},
		{name: "no members", members: "", threshold: 50, cause: end.NoBackends},
		{name: "joining ones wait", members: "HJ", threshold: 50, first: []int{0}},
		{name: "joining ones wait in a panic", members: "UJ", threshold: 50, first: []int{0}, panicking: true},
		{name: "only joining ones", members: "J", threshold: 50, cause: end.NoHealthyBackend},

		{name: "nobody answers anywhere", members: "XX", threshold: 50, cause: end.NoHealthyBackend},
		{name: "the sick serve where the others are dead", members: "XUX", threshold: 50, first: []int{1}, panicking: true},
		{name: "a panic does not call the dead", members: "HUXX", threshold: 60, first: []int{0, 1}, panicking: true},
		{name: "dead primaries, sick backup", members: "XXu", threshold: 50, first: []int{2}, panicking: true},
		{name: "dead primaries, backup", members: "XXh", threshold: 50, first: []int{2}},
		{name: "dead and open", members: "XO", threshold: 50, cause: end.CircuitOpen},

		{name: "the own zone comes first", members: "HH'HH'", threshold: 50, first: []int{1, 3}, spare: []int{0, 2}},
		{name: "three of four are enough of it", members: "HH'H'H'U'", threshold: 50, first: []int{1, 2, 3}, spare: []int{0}},
		{name: "two of three are not", members: "HH'H'U'", threshold: 50, first: []int{0, 1, 2}},
		{name: "drained ones are missing, too", members: "HH'D'", threshold: 50, first: []int{0, 1}},
		{name: "nobody of it is left", members: "HHU'", threshold: 50, first: []int{0, 1}},
		{name: "only the own zone", members: "H'H'", threshold: 50, first: []int{0, 1}},
		{name: "own zone, other zones, backups", members: "H'Hh", threshold: 50, first: []int{0}, spare: []int{1}, third: []int{2}},
		{name: "backups by zone", members: "DDhh'", threshold: 50, first: []int{3}, spare: []int{2}},
		{name: "in a panic zones do not matter", members: "H'UUU", threshold: 50, first: []int{0, 1, 2, 3}, panicking: true},

		{name: "ranks in turn", members: "H2H0H5", threshold: 50, first: []int{1}, spare: []int{0}, third: []int{2}},
		{name: "the next rank where one is gone", members: "H2X0H5", threshold: 50, first: []int{0}, spare: []int{2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := choose(readCandidates(t, c.members), c.threshold)
			want := slices.DeleteFunc([][]int{c.first, c.spare, c.third}, func(l []int) bool { return l == nil })
			if !slices.EqualFunc(got.tiers, want, slices.Equal) || got.panicking != c.panicking || got.cause != c.cause {
				t.Errorf("got %+v; want %v, panic %v, cause %q", got, want, c.panicking, c.cause)
			}
		})
	}
}

// Whatever the states, nobody is chosen who is disabled, joining, open or dead;
// the same member is never in two tiers; ranks never come before lower ones; and
// someone is chosen whenever someone healthy is there.
func FuzzChoose(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 16, 32, 64, 128}, uint8(50))
	f.Fuzz(func(t *testing.T, members []byte, threshold uint8) {
		cs := make([]candidate, len(members))
		someone := false
		for i, b := range members {
			cs[i] = candidate{
				serving: b&1 == 0, healthy: b&2 == 0, dead: b&6 == 6, ready: b&8 == 0, joining: b&16 != 0,
				local: b&32 != 0, rank: int(b >> 6), weight: i % 3,
			}
			someone = someone || cs[i].serving && cs[i].healthy && cs[i].ready && !cs[i].joining
		}
		c := choose(cs, int(threshold%101))
		seen := make([]bool, len(cs))
		rank := 0
		for _, i := range slices.Concat(c.tiers...) {
			m := cs[i]
			if seen[i] {
				t.Fatalf("member %d chosen twice", i)
			}
			seen[i] = true
			if m.rank < rank {
				t.Fatalf("rank %d after %d", m.rank, rank)
			}
			rank = m.rank
			if !m.serving || !m.ready || m.joining || m.dead {
				t.Fatalf("chose %+v", m)
			}
			if !m.healthy && !c.panicking {
				t.Fatalf("chose an unhealthy member without panic")
			}
		}
		if slices.ContainsFunc(c.tiers, func(l []int) bool { return len(l) == 0 }) || c.lastRank != rank {
			t.Fatalf("an empty tier, or last rank %d is not %d: %v", c.lastRank, rank, c.tiers)
		}
		if someone && len(c.tiers) == 0 {
			t.Fatal("chose nobody although someone is well")
		}
		if (len(c.tiers) == 0) != (c.cause != end.OK) {
			t.Fatalf("cause %q with %d tiers", c.cause, len(c.tiers))
		}
	})
}
