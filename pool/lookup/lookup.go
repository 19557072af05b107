package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// FoundMax bounds the addresses of one answer.
const FoundMax = 4096

// Question is what is asked.
type Question struct {
	// Name is a host name; with a final dot the search list is not applied.
	Name string
	// Type is A, AAAA or SRV.
	Type string
	// Port goes with every address; SRV records carry their own.
	Port int
	// Server is host:port of the name server; empty means those of
	// /etc/resolv.conf, with its search list.
	Server string
}

// Answer is what was found.
type Answer struct {
	// Found are the addresses, each once, in an order that does not depend on the
	// one of the records: by rank, then address.
	Found []Found
	// TTL is the shortest one of all records that led here.
	TTL time.Duration
}

// Found is one address.
type Found struct {
	// Address is ip:port or [ip]:port.
	Address string
	// Weight is that of the SRV record, at least 1; else 1.
	Weight int
	// Rank counts the distinct priorities of SRV records from 0, the most wanted.
	Rank int
}

// Errors of Find, beside those of the network.
var (
	// ErrNoName means that the name does not exist (NXDOMAIN).
	ErrNoName = errors.New("no such name")
	// ErrNoRecords means that the name has no usable records of the type.
	ErrNoRecords = errors.New("no records")
	// ErrServer means that a server could not answer: SERVFAIL, REFUSED and others.
	ErrServer = errors.New("the name server cannot answer")
)

// Find asks once: the hosts file, where no server is named, and then the servers in
// turn until one answers. The end of ctx ends it.
func Find(ctx context.Context, q Question) (Answer, error) {
	a, err := find(ctx, q)
	if err != nil {
		return Answer{}, fmt.Errorf("cannot look up %s of %q: %w", q.Type, q.Name, err)
	}
	return a, nil
}

func find(ctx context.Context, q Question) (Answer, error) {
	if a, found := findHost(hostsFile, q); found {
		return a, nil
	}
	r, names, err := newResolver(q)
	if err != nil {
		return Answer{}, err
	}
	return r.findAny(ctx, names, q)
}

// findAny finds the first of names that exists.
func (r *resolver) findAny(ctx context.Context, names []string, q Question) (Answer, error) {
	err := ErrNoName
	for _, name := range names {
		var a Answer
		a, err = r.find(ctx, name, q)
		if err == nil || !errors.Is(err, ErrNoName) && !errors.Is(err, ErrNoRecords) {
			return a, err
		}
	}
	return Answer{}, err
}

func (r *resolver) find(ctx context.Context, name string, q Question) (Answer, error) {
	if q.Type == "SRV" {
		return r.findServices(ctx, name)
	}
	kind := dns.TypeA
	if q.Type == "AAAA" {
		kind = dns.TypeAAAA
	}
	c, err := r.follow(ctx, name, kind)
	if err != nil {
		return Answer{}, err
	}
	var list []Found
	for _, ip := range addressesOf(c.records) {
		list = append(list, Found{Address: join(ip, q.Port), Weight: 1})
	}
	return finish(list, c.ttl)
}

// finish puts an answer in order.
func finish(list []Found, ttl time.Duration) (Answer, error) {
	if len(list) == 0 {
		return Answer{}, ErrNoRecords
	}
	slices.SortFunc(list, func(a, b Found) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Address, b.Address), cmp.Compare(b.Weight, a.Weight))
	})
	seen := make(map[string]bool, len(list))
	list = slices.DeleteFunc(list, func(f Found) bool {
		twice := seen[f.Address]
		seen[f.Address] = true
		return twice
	})
	if len(list) > FoundMax {
		return Answer{}, fmt.Errorf("%d addresses: at most %d", len(list), FoundMax)
	}
	return Answer{Found: list, TTL: ttl}, nil
}

// addressesOf are the addresses in records that a backend can have: not the
// unspecified one, by which block lists answer and which would be this host.
func addressesOf(records []dns.RR) []netip.Addr {
	var list []netip.Addr
	for _, rr := range records {
		var raw net.IP
		switch rr := rr.(type) {
		case *dns.A:
			raw = rr.A
		case *dns.AAAA:
			raw = rr.AAAA
		}
		if ip, ok := netip.AddrFromSlice(raw); ok && !ip.Unmap().IsUnspecified() && !ip.Unmap().IsMulticast() {
			list = append(list, ip.Unmap())
		}
	}
	return list
}

func join(ip netip.Addr, port int) string {
	return net.JoinHostPort(ip.String(), strconv.Itoa(port))
}
