package route

import (
	"errors"
	"regexp"
)

// hostExpressionsMax bounds the different expressions that hosts have in one priority.
const hostExpressionsMax = 1024

var errExpressions = errors.New("has one regular expression too many: the routes of one priority may have 1,024 different ones")

// expressions are the regular expressions that hosts of one tier have. A lookup runs
// those whose literal beginning and ending the host has, each once.
type expressions struct {
	patterns patterns // of numbers
	all      []*regexp.Regexp
	endings  []string
}

// hostSet are those of them that hold for a host.
type hostSet [hostExpressionsMax / 64]uint64

// first is the first of these numbers that is in the set, below 0 where none is.
func (s *hostSet) first(numbers []uint16) int {
	for _, n := range numbers {
		if s[n/64]>>(n%64)&1 != 0 {
			return int(n)
		}
	}

	return int(none)
}

func newExpressions(all []*regexp.Regexp) expressions {
	e := expressions{all: all, endings: make([]string, len(all))}
	entries := make([]entry, len(all))

	for i, re := range all {
		entries[i], e.endings[i] = newEntry(int32(i), true), literalEnding(re.String())
	}

	e.patterns = newPatterns(entries, func(i int32) string { return literalBeginning(all[i].String()) })

	return e
}

// match sets in q which of them hold for a host, and reports that one does. The host is
// copied, as the compiler takes what an expression looks at for kept.
func (e *expressions) match(host []byte, q *Query) bool {
	clear(q.hosts[:])
	q.Scratch = append(q.Scratch[:0], host...)

	group, some := e.patterns.find(host), false
	for rank := e.patterns.next(group, 0); rank != none; rank = e.patterns.next(group, rank+1) {
		i := e.patterns.entries[rank].route()
		if hasSuffix(host, e.endings[i]) && e.all[i].Match(q.Scratch) {
			q.hosts[i/64] |= 1 << (i % 64)
			some = true
		}
	}

	return some
}

func hasSuffix(host []byte, suffix string) bool {
	return len(host) >= len(suffix) && string(host[len(host)-len(suffix):]) == suffix
}
