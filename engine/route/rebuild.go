package route

import (
	"errors"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// Earlier is an index, and the routes that it was built of. The zero value is none.
type Earlier struct {
	Index  *Index
	Routes map[string]config.Route
}

// Rebuild is Build of a configuration that follows on another one: what is the same in
// both is taken over, and what comes out is no other than from Build. Where no route asks
// for anything else than before, the indices share all that lookups read. Kept has for
// each route that is the same in every key its number in the earlier index, below 0 for
// the others; where listeners are others, no route is kept.
func Rebuild(routes map[string]config.Route, listeners []string, earlier Earlier) (x *Index, kept []int32, err error) {
	b := newBuilder(routes, listeners)
	old := earlier.Index
	if old != nil && !slices.Equal(old.listeners, listeners) {
		old = nil // bits of listeners have another meaning
	}

	asIs := b.draw(old, earlier.Routes)
	if len(b.errs) > 0 {
		return nil, nil, errors.Join(b.errs...)
	}

	if asIs {
		return b.redescribe(old), b.kept, nil
	}

	b.unshare()

	if x, err = b.index(listeners); err != nil {
		return nil, nil, err
	}

	b.describe(x, old)

	return x, b.kept, nil
}

// draw makes the draft of every route, or takes it over from an earlier index, of which was
// are the routes. It reports that all of them were, and that there are no others.
func (b *builder) draw(old *Index, was map[string]config.Route) (asIs bool) {
	var before []string
	if asIs = old != nil; asIs {
		before, b.known = old.names, old.compiled
		asIs = len(before) == len(b.names)
	}

	at := 0

	for i, name := range b.names {
		b.kept[i] = none

		for at < len(before) && before[at] < name {
			at++
		}

		r := b.routes[name]
		if at < len(before) && before[at] == name {
			if o := was[name]; r.TakesSame(&o) {
				b.drafts[i] = old.drafts[at]
				if r.Equal(&o) {
					b.kept[i] = int32(at)
				}

				continue
			}
		}

		asIs = false
		b.drafts[i] = &draft{}
		b.compile(b.drafts[i], name, r)
	}

	return asIs
}

// unshare copies the drafts with expressions of hosts that were taken over, as these are
// numbered anew.
func (b *builder) unshare() {
	for i, d := range b.drafts {
		if d.expressions == nil {
			continue
		}

		own := *d
		own.expressions = nil
		b.drafts[i] = &own

		for _, host := range own.hosts {
			if host.Kind == match.HostExpression {
				b.expression("routes."+b.names[i]+".hosts_regex", host.Name) // it is known
			}
		}
	}
}

// describe describes every route of a fresh index. Descriptions of kept routes are those of
// the earlier one.
func (b *builder) describe(x, old *Index) {
	hiddenBy, tied := b.shadows(), b.ties()
	for i, name := range b.names {
		var is neighbours
		if by := hiddenBy[i]; by != none {
			is.hider = b.names[by]
		} else if with, ties := tied[int32(i)]; ties {
			is.tied = b.names[with]
		}

		if at := b.kept[i]; at != none && old.descriptions[at].neighbours() == is {
			x.descriptions[i] = old.descriptions[at]

			continue
		}

		x.descriptions[i] = b.description(i, name, is)
	}
}

// neighbours are the names of the routes that decide what is left for one: what hides it, and
// what only its name puts in front of it.
type neighbours struct{ hider, tied string }

func (d *Description) neighbours() neighbours { return neighbours{d.HiddenBy, d.TiedWith} }

func (b *builder) description(i int, name string, is neighbours) *Description {
	r := b.routes[name]
	d := describe(name, &r, b.drafts[i])
	if d.Dead, d.HiddenBy = dead(&r), is.hider; d.Dead == "" {
		d.TiedWith = is.tied
	}

	return &d
}

// redescribe is an earlier index whose routes ask the same by now, with what is said of
// those that do something else; the index itself where none does.
func (b *builder) redescribe(old *Index) *Index {
	if !slices.Contains(b.kept, none) {
		return old
	}

	descriptions := slices.Clone(old.descriptions)
	for i, at := range b.kept {
		if at == none {
			descriptions[i] = b.description(i, b.names[i], descriptions[i].neighbours())
		}
	}

	var first *Index

	for last, t := &first, old; t != nil; t = t.lower {
		x := *t
		x.descriptions, x.lower = descriptions, nil
		x.tree.wide = &x.table // not that of old, which would stay for as long as this one
		*last, last = &x, &x.lower
	}

	return first
}
