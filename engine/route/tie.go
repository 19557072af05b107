package route

import (
	"net/netip"
	"slices"

	"github.com/isame-lb/isame-lb/config"
)

// tiesMax bounds the routes in front of one with which it is compared.
const tiesMax = 8

// ties finds routes between which the name decides: of one place, equally specific, and not
// such that no request is one of both. It returns for such a route the number of one that
// goes before it. Only routes that tell their requests apart by other things than a regular
// expression of the path are looked at.
func (b *builder) ties() map[int32]int32 {
	tied := make(map[int32]int32)
	places := make(map[place][]int32)

	for _, route := range b.order {
		d := b.drafts[route]
		for _, host := range d.hosts {
			p := place{host: host, kind: d.kind, path: d.where(d.path)}
			before := places[p]

			for i := len(before) - 1; i >= max(0, len(before)-tiesMax); i-- {
				if other := before[i]; d.isTied(b.drafts[other]) {
					tied[route] = other
				}
			}

			places[p] = append(before, route)
		}
	}

	return tied
}

// isTied reports that only their names tell two routes of one place apart, and that some
// requests may be of both.
func (d *draft) isTied(e *draft) bool {
	return d.priority == e.priority && d.count() == e.count() && d.viaGet == e.viaGet && d.mayMeet(e)
}

// mayMeet is false where no request can be of both.
func (d *draft) mayMeet(e *draft) bool {
	if d.listeners != nil && e.listeners != nil && !meetBits(d.listeners, e.listeners) {
		return false
	}

	if d.methods != nil && e.methods != nil && !meetWords(d.methods, e.methods) {
		return false
	}

	p, q := &d.own, &e.own

	return meetLists(p.Protocol, q.Protocol, meetWords) && meetLists(p.ClientIPs, q.ClientIPs, meetClients) &&
		meetLists(p.SNI, q.SNI, meetNames) &&
		meetValues(loweredNames(p.Headers), loweredNames(q.Headers)) && meetValues(p.Query, q.Query) &&
		!excludes(d.excluded, q) && !excludes(e.excluded, p)
}

// meetLists is false where both ask for something and nothing is both.
func meetLists(a, b []string, do func(a, b []string) bool) bool {
	return len(a) == 0 || len(b) == 0 || do(a, b)
}

func meetNames(a, b []string) bool { return coversNames(a, b) || coversNames(b, a) || meetWords(a, b) }

func meetBits(a, b []uint64) bool {
	for i := range min(len(a), len(b)) {
		if a[i]&b[i] != 0 {
			return true
		}
	}

	return false
}

func meetWords(a, b []string) bool {
	return slices.ContainsFunc(a, func(word string) bool { return slices.Contains(b, word) })
}

func meetClients(a, b []string) bool {
	inner := networks(b)

	return slices.ContainsFunc(networks(a), func(n netip.Prefix) bool { return slices.ContainsFunc(inner, n.Overlaps) })
}

// meetValues is false where a field or a parameter has to be two things at once.
func meetValues(a, b map[string]config.Match) bool {
	for name, one := range a {
		other, there := b[name]
		if there && !meet(one, other) {
			return false
		}
	}

	return true
}

func meet(a, b config.Match) bool {
	switch {
	case a.Absent || b.Absent:
		return a.Absent == b.Absent
	case a.Regex != "" || b.Regex != "" || a.Is == "*" || b.Is == "*":
		return true
	}

	return a.Is == b.Is
}
