package lookup

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

const (
	// resolvConf names the system's servers. It is read again for every lookup.
	resolvConf = "/etc/resolv.conf"
	// tryTimeout bounds one question to one server.
	tryTimeout = 2 * time.Second
	// rounds is how often all servers are asked.
	rounds = 2
	// udpSize is the largest datagram we take (RFC 9715): larger ones are cut up
	// on their way, or lost.
	udpSize = 1232
)

// resolver asks a list of servers.
type resolver struct {
	servers  []string // host:port
	udp, tcp dns.Client
	// ask puts one question to them; tests replace it.
	ask func(ctx context.Context, name string, kind uint16) (*dns.Msg, error)
}

// newResolver returns it with the names to try, which have a final dot.
func newResolver(q Question) (*resolver, []string, error) {
	r := &resolver{
		udp: dns.Client{Net: "udp", Timeout: tryTimeout, UDPSize: udpSize},
		tcp: dns.Client{Net: "tcp", Timeout: tryTimeout},
	}
	r.ask = r.askServers
	if q.Server != "" {
		r.servers = []string{q.Server}
		return r, []string{dns.Fqdn(q.Name)}, nil
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read name servers: %w", err)
	}
	if len(conf.Servers) == 0 {
		conf.Servers = []string{"127.0.0.1", "::1"} // as the manual of resolv.conf says
	}
	for _, s := range conf.Servers {
		r.servers = append(r.servers, net.JoinHostPort(s, conf.Port))
	}
	return r, conf.NameList(q.Name), nil
}

// askServers puts one question. A server that fails, or says that it cannot answer, is
// passed over for the next one.
func (r *resolver) askServers(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	var failed error
	for range rounds {
		for _, server := range r.servers {
			m, err := r.exchange(ctx, server, name, kind)
			if err != nil {
				failed = fmt.Errorf("name server %s: %w", server, err)
				if ctx.Err() != nil {
					return nil, failed
				}
				continue
			}
			switch m.Rcode {
			case dns.RcodeSuccess:
				return m, nil
			case dns.RcodeNameError:
				return nil, ErrNoName
			}
			failed = fmt.Errorf("name server %s: %w: %s", server, ErrServer, dns.RcodeToString[m.Rcode])
		}
	}
	return nil, failed
}

// exchange asks one server, by UDP, and by TCP when the answer does not fit. A
// server that does not know EDNS is asked once more without.
func (r *resolver) exchange(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	q.SetEdns0(udpSize, false)
	m, err := r.exchangeOnce(ctx, server, q)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) {
		q.Extra = nil
		m, err = r.exchangeOnce(ctx, server, q)
	}
	return m, err
}

// errSilent is a server that did not answer in time.
var errSilent = errors.New("timeout")

// plain leaves our own port out of an error, so that the same failure always
// reads the same.
func plain(err error) error {
	var op *net.OpError
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		return errSilent
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// errOther is an answer to a question we did not put.
var errOther = errors.New("answer to another question")

func (r *resolver) exchangeOnce(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	m, err := send(ctx, &r.udp, server, q)
	if m != nil && m.Truncated {
		m, err = send(ctx, &r.tcp, server, q)
	}
	if err != nil {
		return nil, plain(err)
	}
	if !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != q.Question[0].Qtype ||
		!strings.EqualFold(m.Question[0].Name, q.Question[0].Name) {
		return nil, errOther
	}
	return m, nil
}

// send is dns.Client.ExchangeContext, which does not notice the end of ctx
// before its timeout.
func send(ctx context.Context, c *dns.Client, server string, q *dns.Msg) (*dns.Msg, error) {
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, err //nolint:wrapcheck // by exchangeOnce
	}
	defer func() { _ = conn.Close() }()
	stop := safely.AfterDone(ctx, "lookup", func() { _ = conn.Close() })
	defer stop()
	m, _, err := c.ExchangeWithConnContext(ctx, q, conn)
	return m, err //nolint:wrapcheck // by exchangeOnce
}
