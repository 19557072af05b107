package ctl

import (
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

// planConfig says what a configuration, or a merge patch, would change, and what that would
// do to what lives now.
func (s *Server) planConfig(x *call) error {
	l := s.opts.Sources.Ledger
	if l == nil {
		return notSupported("plans")
	}
	edit := x.putEdit
	if x.mediaIs(typeMerge) {
		edit = x.mergeEdit
	}
	r := &ledger.Revision{}
	var err error
	if r.Edit, err = edit(); err != nil {
		return err
	}
	out, base, err := l.Weigh(r)
	if err != nil {
		return x.refused(err, nil)
	}
	p := planOf(&base, &out)
	if s.opts.Sources.Plan != nil {
		if p.Effects, p.Replay, err = s.opts.Sources.Plan(out.Loaded); err != nil {
			return x.refused(err, nil)
		}
	}
	return x.answer(p)
}

func planOf(v *ledger.View, out *ledger.Outcome) api.Plan {
	p := api.Plan{
		Generation: v.Generation, Base: v.ETag, ETag: out.ETag, Unchanged: out.Unchanged,
		RestartNeeded: filled(DescribeProblems(out.Kept)), Overridden: filled(overridesOf(out.Loaded)),
		Warnings:  filled(DescribeProblems(out.Loaded.Warnings)),
		Listeners: touched("listeners", v.Document, out), Routes: touched("routes", v.Document, out),
		Pools: touched("pools", v.Document, out), Middleware: touched("middleware", v.Document, out),
	}
	p.Changes, p.ChangesBeyond = ledger.Describe(out.Changes, true)
	return p
}

// touched are the objects of a section that a change adds, changes or removes.
func touched(section string, before *config.Document, out *ledger.Outcome) api.Touched {
	was, is := before.Names(section), out.Document.Names(section)
	t := api.Touched{Added: []string{}, Changed: []string{}, Removed: []string{}}
	for _, name := range is {
		if _, there := slices.BinarySearch(was, name); !there {
			t.Added = append(t.Added, name)
		}
	}
	for _, name := range was {
		if _, stays := slices.BinarySearch(is, name); !stays {
			t.Removed = append(t.Removed, name)
		}
	}
	for i := range out.Changes {
		keys, ok := keysOf(out.Changes[i].Path)
		if !ok || len(keys) < 2 || keys[0] != section {
			continue
		}
		_, was := slices.BinarySearch(was, keys[1])
		_, is := slices.BinarySearch(is, keys[1])
		if at, listed := slices.BinarySearch(t.Changed, keys[1]); was && is && !listed {
			t.Changed = slices.Insert(t.Changed, at, keys[1])
		}
	}
	return t
}
