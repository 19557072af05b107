package ctl

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// From when on a summary says something.
const (
	// shareMost is the share of a phase, or of a backend within it, from which on it is the one.
	shareMost = 0.5
	// slowerLeast is how many times slower than its siblings a backend is that is called so, and
	// rateLeast how many times as often it is in the tail.
	slowerLeast, rateLeast = 1.5, 2
	// concludedLeast is how many exchanges a conclusion needs: a tenth of them are 10.
	concludedLeast = 100
)

// blameSummary says in words whose time it is, and whether anything can be said.
func blameSummary(b *api.Blame) (text string, concluded bool) {
	switch t := b.Tail; {
	case b.Exchanges == 0:
		return "No exchange" + ofRoute(b) + " is kept from that time: nothing can be said.", false
	case t == nil:
		return fmt.Sprintf("%s%s, of which the slowest took %s: too few to say whose the time of slow ones is, which takes %d.",
			plural(b.Exchanges, "exchange"), ofRoute(b), inWords(b.SlowestMS), concludedLeast), false
	case len(t.Phases) == 0:
		return "The slowest exchanges" + ofRoute(b) + " took no time that could be measured.", false
	}
	return tailSummary(b), true
}

// ofRoute names the route that was asked for.
func ofRoute(b *api.Blame) string {
	if b.Route == "" {
		return ""
	}
	return " of " + b.Route
}

// tailSummary is blameSummary for a tail with time in it.
func tailSummary(b *api.Blame) string {
	t := b.Tail
	whose := fmt.Sprintf("the time of the slowest %d %% of %s", t.Percent, everything(b))
	if t.KeptLonger > 0 {
		whose += fmt.Sprintf(", and of %d slow ones from before,", t.KeptLonger)
	}
	first := &t.Phases[0]
	if first.Share < shareMost {
		text := "No phase has most of " + whose + ": " + percent(first.Share) + " is " + phaseText(t, first)
		if len(t.Phases) > 1 {
			text += ", " + percent(t.Phases[1].Share) + " " + phaseText(t, &t.Phases[1])
		}
		return strings.ReplaceAll(text, ",:", ":") + "."
	}
	return percent(first.Share) + " of " + whose + " is " + phaseText(t, first) + compared(t, first) + "."
}

// everything names what was asked for.
func everything(b *api.Blame) string {
	if b.Route == "" {
		return "all exchanges"
	}
	return b.Route
}

// phaseText says what is done in a phase, and with whom where one has most of it.
func phaseText(t *api.BlameTail, p *api.BlamePhase) string {
	who := "the backends"
	switch {
	case p.Backends == 0:
		return p.Meaning + clientText(t, p)
	case leads(p):
		who = p.Backend
	case p.Backends > 1:
		who = fmt.Sprintf("%d backends (most for %s, %s)", p.Backends, p.Backend, percent(p.BackendShare))
	}
	switch p.Phase {
	case "connect":
		return "getting a connection to " + who
	case "answer":
		return "waiting for the first byte of " + who
	case "relay":
		return "waiting for the rest of the answers of " + who
	}
	return "attempts at " + who + " whose answer was not taken"
}

// leads reports a phase of which one backend has most.
func leads(p *api.BlamePhase) bool { return p.Backend != "" && p.BackendShare > shareMost }

// clientText names the client that most of a phase was waited for.
func clientText(t *api.BlameTail, p *api.BlamePhase) string {
	if p.Side != "client" || len(t.Clients) == 0 || t.Clients[0].Client == "" || t.Clients[0].Share < shareMost*p.Share {
		return ""
	}
	return ", mostly of " + t.Clients[0].Client
}

// compared says how the backend that has most of a phase stands to others of its pool.
func compared(t *api.BlameTail, p *api.BlamePhase) string {
	if !leads(p) {
		return ""
	}
	for i := range t.Backends {
		if b := &t.Backends[i]; b.Pool == p.Pool && b.Backend == p.Backend {
			return comparedBackend(b)
		}
	}
	return ""
}

func comparedBackend(b *api.BlameBackend) string {
	switch {
	case b.Siblings == 0:
		return ", which no other backend of its pool shares the work with"
	case b.Slower != nil && *b.Slower >= slowerLeast:
		return fmt.Sprintf(", which is %s x slower than its %s", times(*b.Slower), siblings(b.Siblings))
	case b.TailRate >= rateLeast*b.SiblingsTailRate && b.TailRate > 0:
		return fmt.Sprintf(", of whose exchanges %s are that slow, and %s of those of its %s",
			percent(b.TailRate), percent(b.SiblingsTailRate), siblings(b.Siblings))
	case b.Slower != nil:
		return ", which is not slower than its " + siblings(b.Siblings) + " as a rule"
	}
	return ""
}

// siblings counts them in words.
func siblings(n int) string {
	words := []string{"", "sibling", "two siblings", "three siblings", "four siblings", "five siblings"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n) + " siblings"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// percent is a share in words: whole, and below 10 % with a digit more.
func percent(share float64) string {
	p := 100 * share
	switch {
	case p > 0 && p < 0.05:
		return "less than 0.1 %"
	case p > 0 && p < 9.95:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(math.Round(p), 'f', 0, 64) + " %"
}

// times is how many times: whole from 10 on.
func times(x float64) string {
	if x >= 9.95 {
		return strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// inWords is a time with the unit that fits.
func inWords(ms float64) string {
	if ms >= 1000 {
		return strconv.FormatFloat(ms/1000, 'f', 2, 64) + " s"
	}
	return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
}
