package dns01

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// tsigFudge is how far, in seconds, the clocks may be apart (RFC 8945 section 10).
const tsigFudge = 300

// updater sends updates to the primary server of the zone (RFC 2136), signed where there
// is a key (RFC 8945).
type updater struct {
	server    string
	key       string // its name; empty does not sign
	algorithm string
	client    *dns.Client
}

func newUpdater(o *Options) *updater {
	u := &updater{server: o.Server, client: &dns.Client{Net: "tcp", Timeout: askMax}}
	if o.KeyName != "" {
		u.key, u.algorithm = fqdn(o.KeyName), fqdn(o.KeyAlgorithm)
		u.client.TsigSecret = map[string]string{u.key: o.KeySecret}
	}
	return u
}

func (u *updater) add(ctx context.Context, r record) error {
	m := new(dns.Msg)
	m.SetUpdate(r.zone)
	m.Insert([]dns.RR{r.txt()})
	return u.send(ctx, m)
}

func (u *updater) remove(ctx context.Context, r record) error {
	m := new(dns.Msg)
	m.SetUpdate(r.zone)
	m.Remove([]dns.RR{r.txt()})
	return u.send(ctx, m)
}

func (u *updater) close() {}

func (r record) txt() dns.RR { //nolint:ireturn // as the library takes it
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: r.name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(ttl / time.Second)},
		Txt: []string{r.value},
	}
}

// send sends an update. The library checks the signature of the answer.
func (u *updater) send(ctx context.Context, m *dns.Msg) error {
	if u.key != "" {
		m.SetTsig(u.key, u.algorithm, tsigFudge, time.Now().Unix())
	}
	answer, err := exchange(ctx, u.client, m, u.server)
	if err != nil {
		return fmt.Errorf("name server %s: %w", u.server, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return &refusal{u.server, answer.Rcode}
	}
	return nil
}
