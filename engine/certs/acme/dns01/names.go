package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// names asks name servers.
type names struct {
	resolvers []string                 // host:port; empty means the system's, and the authoritative servers for records
	servers   func() ([]string, error) // those that find everything
	port      string                   // of authoritative servers
}

func newNames(resolvers []string) *names {
	n := &names{resolvers: resolvers, servers: systemServers, port: "53"}
	if len(resolvers) > 0 {
		n.servers = func() ([]string, error) { return resolvers, nil }
	}
	return n
}

// Bounds of what is asked.
const (
	askMax    = 5 * time.Second // one question by one transport
	cnamesMax = 8
	bytesMax  = 1232 // of an answer by UDP, as the servers' operators have agreed
)

var (
	errNoResolver = errors.New("there is no name server in " + resolvConf)
	errCNAMEs     = fmt.Errorf("there are more than %d CNAMEs in a row", cnamesMax)
	errNoZone     = errors.New("no name server knows its zone")
	errNoServers  = errors.New("the zone has no name servers")
)

const resolvConf = "/etc/resolv.conf"

// systemServers are those of the machine, as they are now.
func systemServers() ([]string, error) {
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", resolvConf, err)
	}
	servers := make([]string, 0, len(c.Servers))
	for _, server := range c.Servers {
		servers = append(servers, net.JoinHostPort(server, c.Port))
	}
	if len(servers) == 0 {
		return nil, errNoResolver
	}
	return servers, nil
}

// find asks the servers that find everything, one after the other until one answers.
func (n *names) find(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	servers, err := n.servers()
	if err != nil {
		return nil, err
	}
	q := question(name, kind)
	q.RecursionDesired = true
	for _, server := range servers {
		var answer *dns.Msg
		if answer, err = ask(ctx, server, q); err == nil {
			return answer, nil
		}
	}
	return nil, fmt.Errorf("cannot look up %s of %s: %w", dns.TypeToString[kind], name, err)
}

func question(name string, kind uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	q.SetEdns0(bytesMax, false)
	q.RecursionDesired = false
	return q
}

// ask asks one server, by UDP, and by TCP where that does not do. An answer says that
// there is something, or that there is nothing.
func ask(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	answer, err := exchange(ctx, &dns.Client{Net: "udp", Timeout: askMax, UDPSize: bytesMax}, q, server)
	if err != nil && ctx.Err() == nil || err == nil && answer.Truncated {
		answer, err = exchange(ctx, &dns.Client{Net: "tcp", Timeout: askMax}, q, server)
	}
	if err != nil {
		return nil, fmt.Errorf("name server %s: %w", server, err)
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, &refusal{server, answer.Rcode}
	}
	return answer, nil
}

// refusal is an answer that is none.
type refusal struct {
	server string
	code   int
}

func (r *refusal) Error() string {
	return "name server " + r.server + " answers " + dns.RcodeToString[r.code]
}

// exchange sends one message and ends with its context, which the library hears only
// while it connects.
func exchange(ctx context.Context, client *dns.Client, m *dns.Msg, server string) (*dns.Msg, error) {
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the server
	}
	defer func() { _ = conn.Close() }()
	stop := safely.New("name server", func() { _ = conn.Close() }, nil).AfterDone(ctx)
	defer stop()
	answer, _, err := client.ExchangeWithConnContext(ctx, m, conn)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) //nolint:wrapcheck // the caller knows what it has waited for
	}
	return answer, err //nolint:wrapcheck // as above
}

// follow is where the CNAMEs of a name lead to, the name itself where it has none.
func (n *names) follow(ctx context.Context, name string) (string, error) {
	for range cnamesMax {
		answer, err := n.find(ctx, name, dns.TypeCNAME)
		if err != nil {
			return "", err
		}
		next := ""
		for _, rr := range answer.Answer {
			if c, ok := rr.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, name) {
				next = fqdn(c.Target)
			}
		}
		if next == "" {
			return name, nil
		}
		name = next
	}
	return "", fmt.Errorf("cannot follow the CNAME of %s: %w", name, errCNAMEs)
}

// zoneOf is the zone that a name is in: the owner of the SOA record that an answer
// has for it or for one of the names above it, be it only to say that there is none.
func (n *names) zoneOf(ctx context.Context, name string) (string, error) {
	for i, end := 0, false; !end; i, end = dns.NextLabel(name, i) {
		answer, err := n.find(ctx, name[i:], dns.TypeSOA)
		if err != nil {
			return "", err
		}
		for _, rr := range append(answer.Answer, answer.Ns...) {
			if zone := fqdn(rr.Header().Name); rr.Header().Rrtype == dns.TypeSOA && isBelow(name[i:], zone) {
				return zone, nil
			}
		}
	}
	return "", fmt.Errorf("cannot find the zone of %s: %w", name, errNoZone)
}
