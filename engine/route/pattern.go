package route

import (
	"regexp/syntax"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// patterns are the routes of one site that match the path by a regular
// expression. A lookup tries only those whose literal beginning the path has.
type patterns struct {
	entries []entry // in order; a position in it is a rank
	groups  []group // one for each literal beginning, in byte order
}

// group holds the patterns with one literal beginning.
type group struct {
	prefix string
	parent int32   // the group of the longest proper prefix of prefix, or none
	ranks  []int32 // ascending
}

// find returns the group of the longest literal beginning that path has, or
// none; the others it has are that group's ancestors.
//
// Let s be the last prefix that is not above path. A prefix p that path begins
// with is not above path, so p <= s <= path; everything between p and a string
// that begins with p begins with p itself. So p is s or an ancestor of s, and
// walking up from s finds the longest one first.
func (p *patterns) find(path []byte) int32 {
	low, high := 0, len(p.groups)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if p.groups[middle].prefix <= string(path) {
			low = middle + 1
		} else {
			high = middle
		}
	}

	at := int32(low) - 1
	for at != none && !hasPrefix(path, p.groups[at].prefix) {
		at = p.groups[at].parent
	}

	return at
}

func hasPrefix(path []byte, prefix string) bool {
	return len(path) >= len(prefix) && string(path[:len(prefix)]) == prefix
}

// next returns the lowest rank from the given one on in the group and its
// ancestors, or none.
func (p *patterns) next(at, from int32) int32 {
	lowest := none

	for at != none {
		g := &p.groups[at]
		if i, _ := slices.BinarySearch(g.ranks, from); i < len(g.ranks) {
			if rank := g.ranks[i]; lowest == none || rank < lowest {
				lowest = rank
			}
		}

		at = g.parent
	}

	return lowest
}

// newPatterns groups entries, which are in order, by their literal beginnings.
func newPatterns(entries []entry, prefix func(route int32) string) patterns {
	byPrefix := make(map[string][]int32, len(entries))
	for rank, e := range entries {
		p := prefix(e.route())
		byPrefix[p] = append(byPrefix[p], int32(rank))
	}

	groups := make([]group, 0, len(byPrefix))
	for p, ranks := range byPrefix {
		groups = append(groups, group{prefix: p, parent: none, ranks: ranks})
	}

	sort.Slice(groups, func(i, j int) bool { return groups[i].prefix < groups[j].prefix })
	linkParents(groups)

	return patterns{entries: entries, groups: groups}
}

// linkParents sets the parents of sorted groups: the chain of the group before
// holds every prefix of the next one.
func linkParents(groups []group) {
	for i := 1; i < len(groups); i++ {
		at := int32(i) - 1
		for at != none && !strings.HasPrefix(groups[i].prefix, groups[at].prefix) {
			at = groups[at].parent
		}

		groups[i].parent = at
	}
}

// literalBeginning returns the bytes every path that matches the expression
// begins with: "/v" for "^/v[0-9]+/", "" for an expression that is not anchored.
// regexp.LiteralPrefix is no help: it does not tell where the match begins.
func literalBeginning(expression string) string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return ""
	}

	parts := flatten(nil, parsed.Simplify())
	if len(parts) == 0 || parts[0].Op != syntax.OpBeginText {
		return ""
	}

	var prefix strings.Builder

	for _, part := range parts[1:] {
		if part.Op == syntax.OpBeginText || part.Op == syntax.OpEmptyMatch {
			continue
		}

		if !isFixed(part) {
			break
		}

		prefix.WriteString(string(part.Rune))
	}

	return prefix.String()
}

// literalEnding returns the bytes every text that matches the expression ends with, as
// literalBeginning does for the beginning.
func literalEnding(expression string) string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return ""
	}

	parts := flatten(nil, parsed.Simplify())
	last := len(parts) - 1

	if last < 0 || parts[last].Op != syntax.OpEndText {
		return ""
	}

	suffix := ""

	for _, part := range slices.Backward(parts[:last]) {
		if part.Op == syntax.OpEndText || part.Op == syntax.OpEmptyMatch {
			continue
		}

		if !isFixed(part) {
			break
		}

		suffix = string(part.Rune) + suffix
	}

	return suffix
}

// isFixed reports that a part matches its own bytes alone; RuneError also matches bytes
// that are not UTF-8.
func isFixed(part *syntax.Regexp) bool {
	return part.Op == syntax.OpLiteral && part.Flags&syntax.FoldCase == 0 && !slices.Contains(part.Rune, utf8.RuneError)
}

// flatten appends the parts of concatenations and groups in order.
func flatten(parts []*syntax.Regexp, re *syntax.Regexp) []*syntax.Regexp {
	if re.Op != syntax.OpConcat && re.Op != syntax.OpCapture {
		return append(parts, re)
	}

	for _, sub := range re.Sub {
		parts = flatten(parts, sub)
	}

	return parts
}
