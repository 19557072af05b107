package lookup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// aliasesMax bounds the CNAME records that are followed, as resolvers do.
const aliasesMax = 16

// chain is what a name led to.
type chain struct {
	records []dns.RR // of the type asked for, of the last name
	extra   []dns.RR // additional records beside them
	ttl     time.Duration
}

// follow asks for the records of one type. Aliases (CNAME) are followed, within
// an answer and by further questions, and count for the TTL.
func (r *resolver) follow(ctx context.Context, name string, kind uint16) (chain, error) {
	c := chain{ttl: time.Duration(1<<31) * time.Second}
	for aliases := 0; aliases <= aliasesMax; {
		m, err := r.ask(ctx, name, kind)
		if err != nil {
			return c, err
		}
		last := name
		for {
			alias := aliasOf(m.Answer, last)
			if alias == nil || aliases > aliasesMax {
				break
			}
			c.note(alias)
			last = alias.Target
			aliases++
		}
		for _, rr := range m.Answer {
			if h := rr.Header(); h.Rrtype == kind && h.Class == dns.ClassINET && strings.EqualFold(h.Name, last) {
				c.records = append(c.records, rr)
				c.note(rr)
			}
		}
		if len(c.records) > 0 {
			c.extra = m.Extra
			return c, nil
		}
		if last == name {
			return c, ErrNoRecords
		}
		name = last
	}
	return c, fmt.Errorf("%w: more than %d aliases", ErrNoRecords, aliasesMax)
}

// note lowers the TTL to that of rr.
func (c *chain) note(rr dns.RR) {
	c.ttl = min(c.ttl, time.Duration(rr.Header().Ttl)*time.Second)
}

// aliasOf is the CNAME of name among records, or nil.
func aliasOf(records []dns.RR, name string) *dns.CNAME {
	for _, rr := range records {
		if alias, ok := rr.(*dns.CNAME); ok && strings.EqualFold(alias.Hdr.Name, name) {
			return alias
		}
	}
	return nil
}
