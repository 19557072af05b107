package acme

import (
	"fmt"
	"slices"

	"github.com/isame-lb/isame-lb/config"
)

// Keepers are those of one generation of the configuration, with the hosts that it has
// for each. A keeper lives on in the next generation that has an equal section. One
// goroutine uses them at a time.
type Keepers map[Section]*Keeping

// Keeping is a keeper and what a generation wants of it.
type Keeping struct {
	*Keeper

	hosts []string
}

// Of are the certificates of the hosts of a section, in its order; it stands at path. The keeper is
// the one of an equal section met before, here or among earlier, or a new one.
// Nothing is obtained before Keep.
func (all Keepers) Of(path string, c *config.ACME, earlier Keepers, newKeeper func(Section) (*Keeper, error)) ([]*Certificate, error) {
	s, err := sectionOf(path, c)
	if err != nil {
		return nil, err
	}
	k := all[s]
	if k == nil {
		k = &Keeping{}
		if old := earlier[s]; old != nil {
			k.Keeper = old.Keeper
		} else {
			if k.Keeper, err = newKeeper(s); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		all[s] = k
	}
	certificates := make([]*Certificate, 0, len(c.Hosts))
	for _, host := range c.Hosts {
		host = config.CertificateHost(host)
		certificates = append(certificates, k.Host(host))
		if !slices.Contains(k.hosts, host) {
			k.hosts = append(k.hosts, host)
		}
	}
	return certificates, nil
}

// Keep begins what the generation wants of its keepers; see Keeper.Keep.
func (all Keepers) Keep(inClear bool) {
	for _, k := range all {
		k.Keep(k.hosts, inClear)
	}
}

// Without are the keepers that other has not.
func (all Keepers) Without(other Keepers) []*Keeper {
	var left []*Keeper
	for s, k := range all {
		if other[s] == nil {
			left = append(left, k.Keeper)
		}
	}
	return left
}
