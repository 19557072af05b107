package overlay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// Reasons why something stays in the overlay.
const (
	leftState      = "a configuration has no state of a backend: it is drained or disabled at run time only"
	leftPool       = "the configuration has no pool of this name"
	leftDiscovered = "the configuration does not list the backend: it is found by discovery, or not at all"
)

// Into changes a document so that it says what the overrides ask, as far as one can say
// it. Written are the parts that it says, left what it cannot.
func Into(d *config.Document, all []pool.Override) (
	next *config.Document, written []pool.Override, left []api.OverlayLeft, err error,
) {
	next = d
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].Pool == all[from].Pool {
			to++
		}
		p := poolEdit{all: all[from:to]}
		if next, err = p.edit(next); err != nil {
			return nil, nil, nil, err
		}
		written, left = append(written, p.written...), append(left, p.left...)
		from = to
	}
	return next, written, left, nil
}

// poolEdit changes the list of one pool.
type poolEdit struct {
	all     []pool.Override // of the pool
	items   []map[string]any
	listed  bool // there is no other way to be a member than to be listed
	written []pool.Override
	left    []api.OverlayLeft
}

// leave notes what stays in the overlay.
func (p *poolEdit) leave(v *pool.Override, why string) {
	p.left = append(p.left, api.OverlayLeft{Pool: v.Pool, Address: v.Address, Why: why})
}

func (p *poolEdit) edit(d *config.Document) (*config.Document, error) {
	name := p.all[0].Pool
	part, ok := d.At("pools", name)
	if !ok {
		for i := range p.all {
			p.leave(&p.all[i], leftPool)
		}
		return d, nil
	}
	text, err := part.Encode("json", false)
	if err != nil {
		return nil, fmt.Errorf("cannot write pool %q: %w", name, err)
	}
	var section struct {
		Backends  []map[string]any `json:"backends"`
		Discovery json.RawMessage  `json:"discovery"`
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	if err := numbers.Decode(&section); err != nil {
		return nil, fmt.Errorf("cannot write pool %q, whose backends are no list of sections: %w", name, err)
	}
	p.items, p.listed = section.Backends, section.Discovery == nil
	for i := range p.all {
		p.apply(&p.all[i])
	}
	if len(p.written) == 0 {
		return d, nil
	}
	patch, err := json.Marshal(map[string]any{"backends": p.items})
	if err != nil {
		return nil, fmt.Errorf("cannot write pool %q: %w", name, err)
	}
	return d.MergePatch(patch, "pools", name)
}

// apply puts one override into the list.
func (p *poolEdit) apply(v *pool.Override) {
	at := p.find(v.Address)
	said := pool.Override{Pool: v.Pool, Address: v.Address, Since: v.Since, Author: v.Author}
	switch {
	case v.Added != nil:
		if at < 0 {
			p.items, at = append(p.items, map[string]any{"address": v.Address}), len(p.items)
		}
		describe(p.items[at], v.Added)
		said.Added = v.Added
	case v.Removed && at >= 0:
		p.items = append(p.items[:at:at], p.items[at+1:]...)
		said.Removed = true
	case v.Removed:
		said.Removed = p.listed
	}
	if v.Weight != nil && at >= 0 && !v.Removed {
		p.items[at]["weight"] = *v.Weight
		said.Weight = v.Weight
	}
	if said.Added != nil || said.Removed || said.Weight != nil {
		p.written = append(p.written, said)
	}
	if v.State != "" {
		p.leave(v, leftState)
	} else if at < 0 && !said.Removed {
		p.leave(v, leftDiscovered)
	}
}

// find is the item with an address; -1 where there is none.
func (p *poolEdit) find(address string) int {
	for i, item := range p.items {
		if text, ok := item["address"].(string); ok && pool.SameAddress(text, address) {
			return i
		}
	}
	return -1
}

// describe says what was added, without what holds by itself.
func describe(item map[string]any, a *pool.Addition) {
	set := func(key string, value any, byItself bool) {
		delete(item, key)
		if !byItself {
			item[key] = value
		}
	}
	set("weight", a.Weight, a.Weight == 1)
	set("backup", a.Backup, !a.Backup)
	set("zone", a.Zone, a.Zone == "")
	set("max_requests", a.MaxRequests, a.MaxRequests == 0)
}

// Written forgets what a configuration says that serves.
func (k *Keeper) Written(written []pool.Override, author string) error {
	for i := range written {
		k.opts.Tell(api.OverlayWrite, written[i], author)
		k.opts.Overlay.Fulfil(&written[i])
	}
	return k.settle(written)
}
