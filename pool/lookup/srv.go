package lookup

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// askersMax bounds the questions for targets that are out at the same time.
const askersMax = 8

// target is a host that SRV records name, with its addresses.
type target struct {
	addresses []netip.Addr
	ttl       time.Duration
	err       error
}

// findServices asks for SRV records (RFC 2782) and for the addresses of their
// targets. A target that does not exist is left out; one that cannot be asked
// for spoils the answer, because its backends would be lost with it.
func (r *resolver) findServices(ctx context.Context, name string) (Answer, error) {
	c, err := r.follow(ctx, name, dns.TypeSRV)
	if err != nil {
		return Answer{}, err
	}
	var records []*dns.SRV
	for _, rr := range c.records {
		// The target "." says that the service is decidedly not available.
		if s, ok := rr.(*dns.SRV); ok && s.Target != "." && s.Port != 0 {
			records = append(records, s)
		}
	}
	targets := r.targets(ctx, records, c.extra)
	ranks := priorities(records)
	var list []Found
	for _, s := range records {
		t := targets[strings.ToLower(s.Target)]
		switch {
		case errors.Is(t.err, ErrNoName), errors.Is(t.err, ErrNoRecords):
			continue
		case t.err != nil:
			return Answer{}, t.err
		}
		c.ttl = min(c.ttl, t.ttl)
		rank, _ := slices.BinarySearch(ranks, s.Priority)
		for _, ip := range t.addresses {
			// Weight 0 is "no selection to do", or hardly ever beside others.
			list = append(list, Found{Address: join(ip, int(s.Port)), Weight: max(int(s.Weight), 1), Rank: rank})
		}
	}
	return finish(list, c.ttl)
}

// priorities are the distinct priorities, most wanted first.
func priorities(records []*dns.SRV) []uint16 {
	list := make([]uint16, 0, len(records))
	for _, s := range records {
		list = append(list, s.Priority)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// targets finds the addresses of every target once, by name in lower case: in
// the additional records, else by asking.
func (r *resolver) targets(ctx context.Context, records []*dns.SRV, extra []dns.RR) map[string]*target {
	all := make(map[string]*target, len(records))
	var asked sync.WaitGroup
	slots := make(chan struct{}, askersMax)
	for _, s := range records {
		name := strings.ToLower(s.Target)
		if all[name] != nil {
			continue
		}
		t := &target{}
		all[name] = t
		if t.read(name, extra) {
			continue
		}
		t.err = errTargetBug // until it comes to its end
		safely.GoIn(&asked, "lookup", func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.ask(ctx, r, name)
		})
	}
	asked.Wait()
	return all
}

// errTargetBug is a lookup of a target that has met a bug of ours.
var errTargetBug = errors.New("the lookup met a bug, see the log")

// read takes the target's addresses from additional records, if they are there.
func (t *target) read(name string, extra []dns.RR) bool {
	c := chain{ttl: time.Duration(1<<31) * time.Second}
	for _, rr := range extra {
		h := rr.Header()
		if (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA) && strings.EqualFold(h.Name, name) {
			c.records = append(c.records, rr)
			c.note(rr)
		}
	}
	t.keep(c)
	return len(t.addresses) > 0
}

// ask looks the target up, its IPv6 addresses only when it has no others: the
// two are one host.
func (t *target) ask(ctx context.Context, r *resolver, name string) {
	c, err := r.follow(ctx, name, dns.TypeA)
	if errors.Is(err, ErrNoRecords) {
		c, err = r.follow(ctx, name, dns.TypeAAAA)
	}
	t.err = err
	t.keep(c)
}

// keep notes the addresses; IPv4 ones alone where there are some.
func (t *target) keep(c chain) {
	t.ttl = c.ttl
	t.addresses = addressesOf(c.records)
	if slices.ContainsFunc(t.addresses, netip.Addr.Is4) {
		t.addresses = slices.DeleteFunc(t.addresses, netip.Addr.Is6)
	}
}
