package terms

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// Options are what a book is made of.
type Options struct {
	Path      string // of the tls section, which errors begin with
	Config    *config.ListenerTLS
	Protocols []string // offered over TCP, the best one first (RFC 7301)
	Store     *certs.Store
	Before    *Book // of the generation before; nil where there was none
	// Session makes a configuration that begins a handshake and answers it with the terms
	// of the running generation.
	Session func() *tls.Config
	// QUIC is c as QUIC needs it, with the keys of tickets.
	QUIC func(c, tickets *tls.Config) *tls.Config
}

// New makes the terms of a listener, and reads the authorities of its clients.
func New(o *Options) (*Book, error) {
	n := maker{Options: o, book: &Book{store: o.Store, tickets: map[demand]*tls.Config{}}, made: map[key]*Terms{}}
	b, c := n.book, o.Config
	var err error
	if b.own, err = n.terms(o.Path+".client_auth", &c.ClientAuth, c.MinVersion); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Hosts)) {
		h := c.Hosts[name]
		auth, at, lowest := &c.ClientAuth, o.Path+".client_auth", c.MinVersion
		if h.ClientAuth != nil {
			auth, at = h.ClientAuth, o.Path+".hosts."+strconv.Quote(name)+".client_auth"
		}
		if h.MinVersion != "" {
			lowest = h.MinVersion
		}
		t, err := n.terms(at, auth, lowest)
		if err != nil {
			return nil, err
		}
		if b.names == nil {
			b.names = map[string]*Terms{}
		}
		b.names[strings.TrimSuffix(strings.ToLower(name), ".")] = t
	}
	if c.UnknownSNI == "refuse" {
		// Without a certificate crypto/tls sends the alert unrecognized_name. A session that is
		// resumed needs none, so there are no tickets either.
		refusal := &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
		b.refusal = &Terms{TCP: refusal, QUIC: o.QUIC(refusal, b.session)}
	}
	return b, nil
}

// maker makes one book.
type maker struct {
	*Options

	book *Book
	made map[key]*Terms
}

// key is the same for terms that are the same.
type key struct {
	asked  demand
	lowest string
	fields string
}

// terms are those of a client_auth section, which stands at a path, and a lowest version.
func (n *maker) terms(at string, auth *config.ClientAuth, lowest string) (*Terms, error) {
	a, err := certs.NewClientAuth(at, auth)
	if err != nil {
		return nil, err
	}
	k := key{a.Asked, lowest, fmt.Sprint(auth.Headers)} // in the order of their names
	if t := n.made[k]; t != nil {
		return t, nil
	}
	c := base(n.Config, lowest)
	c.NextProtos, c.GetCertificate = n.Protocols, n.Store.Choose
	a.Ask(c)
	tickets := n.tickets(a.Asked)
	if tickets != n.book.session {
		c.WrapSession, c.UnwrapSession = tickets.EncryptTicket, tickets.DecryptTicket
	}
	t := &Terms{TCP: c, QUIC: n.QUIC(c, tickets), Clients: a.Fields}
	n.made[k] = t
	n.book.note(t)
	return t, nil
}

// tickets holds the keys of tickets for what clients are asked for. The first ones that
// are asked for begin every handshake.
func (n *maker) tickets(asked demand) *tls.Config {
	b := n.book
	if b.tickets[asked] == nil && n.Before != nil {
		b.tickets[asked] = n.Before.tickets[asked]
	}
	if b.tickets[asked] == nil {
		b.tickets[asked] = n.Session()
	}
	if b.session == nil {
		b.session = b.tickets[asked]
	}
	return b.tickets[asked]
}

// base sets everything that does not depend on files.
func base(c *config.ListenerTLS, lowest string) *tls.Config {
	t := attempt.BaseTLS(config.TLSVersion(lowest))
	if highest := config.TLSVersion(c.MaxVersion); highest != 0 {
		t.MaxVersion = highest
	}
	if len(c.CipherSuites) > 0 {
		t.CipherSuites = nil
		for _, name := range c.CipherSuites {
			t.CipherSuites = append(t.CipherSuites, config.CipherSuite(name))
		}
	}
	if len(c.Curves) > 0 {
		t.CurvePreferences = nil
		for _, name := range c.Curves {
			t.CurvePreferences = append(t.CurvePreferences, config.Curve(name))
		}
	}
	return t
}
