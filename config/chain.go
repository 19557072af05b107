package config

import (
	"maps"
	"slices"
)

// Chain returns the names of the stages that run for a route, in their order: those of
// defaults.middleware but for what the route skips, then its own, with those of a chain in
// its place. The configuration is one that Load has accepted.
func (c *Config) Chain(route string) []string {
	links := c.Links(route)
	names := make([]string, len(links))
	for i := range links {
		names[i] = links[i].Name
	}
	return names
}

// Link is one stage of the flat list of a route.
type Link struct {
	// Name is the stage's.
	Name string
	// Chains are the names of the chains it came by, outermost first. A stage runs where
	// their when and unless let it, beside its own.
	Chains []string
	// own says that it comes from the route, not from defaults.middleware.
	own bool
}

// Links is Chain with the chains that each stage came by.
func (c *Config) Links(route string) []Link { return c.flatten(route).links }

const (
	// StagesMax bounds the flat list of a route; more is refused.
	StagesMax = 32
	// chainsMax bounds how deep chains may stand in one another, and flattenMax the stages
	// and chains that are looked at for one route, so that they cannot unfold without end.
	chainsMax  = 8
	flattenMax = 256
)

// flattening puts the stages of chains in their place.
type flattening struct {
	cfg   *Config
	own   bool // of the route itself
	links []Link
	steps int
	// tooMuch says that the list is not whole, because it is longer or deeper than any
	// route needs.
	tooMuch bool
}

func (c *Config) flatten(route string) *flattening {
	r := c.Routes[route]
	f := &flattening{cfg: c}
	for _, name := range c.Defaults.Middleware {
		if !slices.Contains(r.Skip, name) {
			f.add(name, nil)
		}
	}
	f.own = true
	for _, name := range r.Middleware {
		f.add(name, nil)
	}
	return f
}

// add appends a stage, or those that a chain stands for.
func (f *flattening) add(name string, chains []string) {
	f.steps++
	f.tooMuch = f.tooMuch || f.steps > flattenMax || len(f.links) >= StagesMax || len(chains) > chainsMax
	if f.tooMuch {
		return
	}
	chain, ok := f.cfg.Middleware[name].Stage.(*StageChain)
	if !ok {
		f.links = append(f.links, Link{name, chains, f.own})
		return
	}
	inside := append(slices.Clip(chains), name)
	for _, inner := range chain.Stages {
		f.add(inner, inside)
	}
}

// stagesInUse are the names that the routes and the chains in them use.
func (c *Config) stagesInUse() map[string]bool {
	used := map[string]bool{}
	for _, route := range slices.Sorted(maps.Keys(c.Routes)) {
		for _, link := range c.Links(route) {
			used[link.Name] = true
			for _, chain := range link.Chains {
				used[chain] = true
			}
		}
	}
	return used
}
