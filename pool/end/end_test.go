package end

import (
	"os"
	"regexp"
	"testing"
)

// Every end has one word of its own, a side, a phase and a sentence, and can be
// found by its word.
func TestListOfEndsIsWhole(t *testing.T) {
	word, text := regexp.MustCompile(`^[a-z][a-z0-9_]*$`), regexp.MustCompile(`^[A-Z][[:print:]]*\.$`)
	for e := range Ends {
		if found, ok := Of(e.Word()); !ok || found != e {
			t.Errorf("%d %q: found %d, %v by its word", e, e.Word(), found, ok)
		}
		if !word.MatchString(e.Word()) || !text.MatchString(e.Text()) || regexp.MustCompile(`[%"\\]`).MatchString(e.Text()) {
			t.Errorf("%d: word %q, text %q", e, e.Word(), e.Text())
		}
		if (e.Side() == SideNobody) != (e == OK) {
			t.Errorf("%v: side %v; only the good end has none", e, e.Side())
		}
		n := 0
		for p := range e.Under() {
			n++
			if e.In(p) != p {
				t.Errorf("%v: counted under %v; want %v", e, e.In(p), p)
			}
		}
		if n == 0 {
			t.Errorf("%v: without a phase", e)
		}
	}
	if _, ok := Of("nonsense"); ok {
		t.Error("a word that is not in the list was found")
	}
}

func TestEndIsCountedUnderAPhaseOfTheList(t *testing.T) {
	for _, tc := range []struct {
		end      End
		at, want Phase
	}{
		{ClientGone, PhaseRelay, PhaseRelay},
		{ClientGone, PhaseAnswer, PhaseAnswer},
		{NoRoute, PhaseRead, PhaseRoute},
		{ConnectRefused, PhasePick, PhaseConnect},
		{OK, PhaseRelay, PhaseDone},
		{OK, PhaseTunnel, PhaseTunnel},
	} {
		if got := tc.end.In(tc.at); got != tc.want {
			t.Errorf("%v in %v: got %v; want %v", tc.end, tc.at, got, tc.want)
		}
	}
}

// Sides and phases have names that are not shared.
func TestSidesAndPhasesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for p := range Phases {
		seen[p.String()] = true
	}
	for s := range SideService + 1 {
		seen["side "+s.String()] = true
	}
	if len(seen) != int(Phases)+int(SideService)+1 || seen[""] {
		t.Errorf("got %v; want %d names", seen, int(Phases)+int(SideService)+1)
	}
}

// What package wire refuses of a request's head is an end by the same word. What
// it refuses of bodies and answers is part of an end that says so.
func TestRefusalsAreEnds(t *testing.T) {
	source, err := os.ReadFile("../wire/refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]bool{
		"bad_chunk_size": true, "bad_chunk_extension": true, "bad_chunk_end": true, "trailers_too_large": true, // client_bad_body
		"bad_status_line": true, "bad_status": true, "bad_reason": true, // bad_response
	}
	all := regexp.MustCompile(`= refuse\(\S+, "(\w+)"\)`).FindAllStringSubmatch(string(source), -1)
	if len(all) < 30 {
		t.Fatalf("got %d refusals; want all of them", len(all))
	}
	for _, m := range all {
		if _, listed := Of(m[1]); listed == part[m[1]] {
			t.Errorf("%s: in the list of ends %v; want %v", m[1], listed, !listed)
		}
	}
}
