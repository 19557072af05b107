package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// The pauses between two looks at the name servers of a zone.
const (
	lookFirst = 250 * time.Millisecond
	lookMax   = 5 * time.Second
)

var (
	errNotShown = errors.New("not all name servers show it in time")
	errMissing  = errors.New("it does not have the record yet")
)

// wait looks until all servers show the record, or the end of ctx.
func (n *names) wait(ctx context.Context, r record) error {
	for pause := lookFirst; ; pause = min(2*pause, lookMax) {
		err := n.look(ctx, r)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("cannot wait for the record %s: %w: %w", r.name, context.Cause(ctx), err)
		}
	}
}

// look asks all servers once. The error names one that does not show the record.
func (n *names) look(ctx context.Context, r record) error {
	q := question(r.name, dns.TypeTXT)
	if len(n.resolvers) > 0 {
		q.RecursionDesired = true
		for _, server := range n.resolvers {
			if err := shows(ctx, []string{server}, q, r.value); err != nil {
				return err
			}
		}
		return nil
	}
	servers, err := n.authoritative(ctx, r)
	if err != nil {
		return err
	}
	for _, server := range servers {
		addresses, err := n.addresses(ctx, server)
		if err == nil {
			err = shows(ctx, addresses, q, r.value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
	}
	return nil
}

// shows asks one server, at the first of its addresses that answers.
func shows(ctx context.Context, addresses []string, q *dns.Msg, value string) error {
	err := errNoAddress
	for _, address := range addresses {
		var answer *dns.Msg
		if answer, err = ask(ctx, address, q); err != nil {
			continue
		}
		if slices.ContainsFunc(answer.Answer, func(rr dns.RR) bool {
			txt, ok := rr.(*dns.TXT)
			return ok && strings.Join(txt.Txt, "") == value
		}) {
			return nil
		}
		return fmt.Errorf("name server %s: %w", address, errMissing)
	}
	return err
}

// authoritative are the names of the servers of the record's zone.
func (n *names) authoritative(ctx context.Context, r record) ([]string, error) {
	zone := r.zone
	if zone == "" {
		var err error
		if zone, err = n.zoneOf(ctx, r.name); err != nil {
			return nil, err
		}
	}
	answer, err := n.find(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var servers []string
	for _, rr := range answer.Answer {
		if ns, ok := rr.(*dns.NS); ok {
			servers = append(servers, fqdn(ns.Ns))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s: %w", zone, errNoServers)
	}
	return servers, nil
}

// addresses are where a name server can be asked, by IPv4 first.
func (n *names) addresses(ctx context.Context, server string) ([]string, error) {
	var all []string
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := n.find(ctx, server, kind)
		if err != nil {
			return nil, err
		}
		for _, rr := range answer.Answer {
			switch a := rr.(type) {
			case *dns.A:
				all = append(all, net.JoinHostPort(a.A.String(), n.port))
			case *dns.AAAA:
				all = append(all, net.JoinHostPort(a.AAAA.String(), n.port))
			}
		}
	}
	if len(all) == 0 {
		return nil, errNoAddress
	}
	return all, nil
}

var errNoAddress = errors.New("the name server has no address")
