package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
)

// Protocol is what a server that validates by tls-alpn-01 asks for by ALPN. Such
// a connection ends with its handshake.
const Protocol = acmez.ACMETLS1Protocol

// Challenges are what servers may ask now to see that a host is ours: the one
// thing of this package that every listener looks at. The zero value is ready.
// Lookups may be made by any goroutine and wait for nobody.
type Challenges struct {
	tokens atomic.Pointer[map[string]string]      // key authorizations; nil while there are none
	names  atomic.Pointer[map[string]*tls.Config] // by SNI, lower case; nil likewise

	shared vault.Shared // nil where nothing is shared; not changed once there is a keeper

	mu struct { // of who changes them
		sync.Mutex
		own    map[string]posed // by where they are asked for
		others map[string]posed // of other instances, by their names there
		bells  map[string]map[chan struct{}]struct{}
	}
}

// posed is one challenge: a token or a name that is asked for, and the answer.
type posed struct {
	token, authorization string
	name                 string
	config               *tls.Config
}

// pathPrefix is where http-01 challenges are (RFC 8555 section 8.3).
const pathPrefix = "/.well-known/acme-challenge/"

// KeyAuthorization is the answer to a request for path, empty when it is not about
// a challenge of ours. It allocates nothing.
func (c *Challenges) KeyAuthorization(path []byte) string {
	tokens := c.tokens.Load()
	if tokens == nil {
		return ""
	}
	token, ok := bytes.CutPrefix(path, []byte(pathPrefix))
	if !ok {
		return ""
	}
	return (*tokens)[string(token)]
}

// Config is what a handshake that validates by tls-alpn-01 goes on with, nil for
// all others (RFC 8737 section 3).
func (c *Challenges) Config(hello *tls.ClientHelloInfo) *tls.Config {
	names := c.names.Load()
	if names == nil || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != Protocol {
		return nil
	}
	return (*names)[strings.ToLower(hello.ServerName)]
}

// solver makes one kind of Challenges what the client library asks for.
type solver struct {
	of   *Challenges
	kind string
}

// Present is called before the server is told to look. In a fleet all know of it then.
func (s solver) Present(ctx context.Context, a acme.Challenge) error {
	a.Type = s.kind
	p, err := pose(a)
	if err != nil {
		return err
	}
	s.of.change(func() { s.of.mu.own[p.key()] = p })
	if s.of.shared == nil {
		return nil
	}
	if err := s.of.announce(ctx, a); err != nil {
		s.of.change(func() { delete(s.of.mu.own, p.key()) })
		return err
	}
	return nil
}

// CleanUp is called when it has looked, or will not any more.
func (s solver) CleanUp(ctx context.Context, a acme.Challenge) error {
	a.Type = s.kind
	p := posed{token: a.Token}
	if s.kind == acme.ChallengeTypeTLSALPN01 {
		p = posed{name: serverName(a.Identifier)}
	}
	s.of.change(func() { delete(s.of.mu.own, p.key()) })
	if s.of.shared == nil {
		return nil
	}
	return s.of.shared.Withdraw(context.WithoutCancel(ctx), announcement(a))
}

// key is where it is asked for.
func (p *posed) key() string { return p.name + "/" + p.token }

// pose makes the answer to a challenge. There is one for a name: two sections that validate the
// same host at the same moment disturb each other; the one that fails comes again.
func pose(a acme.Challenge) (posed, error) {
	if a.Type == acme.ChallengeTypeHTTP01 {
		return posed{token: a.Token, authorization: a.KeyAuthorization}, nil
	}
	certificate, err := acmez.TLSALPN01ChallengeCert(a)
	if err != nil {
		return posed{}, fmt.Errorf("cannot make a certificate for a challenge: %w", err)
	}
	return posed{name: serverName(a.Identifier), config: &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{Protocol}, Certificates: []tls.Certificate{*certificate},
		SessionTicketsDisabled: true,
	}}, nil
}

// serverName is what the server asks for by SNI: of an IP address its name in the
// reverse DNS (RFC 8738 section 6).
func serverName(of acme.Identifier) string {
	if reverse, err := dns.ReverseAddr(of.Value); err == nil {
		return strings.TrimSuffix(reverse, ".")
	}
	return strings.ToLower(of.Value)
}

// change has edit change what is posed, and then lookups find it; ours before that of others.
func (c *Challenges) change(edit func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.own == nil {
		c.mu.own = map[string]posed{}
	}
	edit()
	tokens, names := map[string]string{}, map[string]*tls.Config{}
	for _, all := range []map[string]posed{c.mu.others, c.mu.own} {
		for _, p := range all {
			if p.config != nil {
				names[p.name] = p.config
				continue
			}
			tokens[p.token] = p.authorization
		}
	}
	publish(&c.tokens, tokens)
	publish(&c.names, names)
}

// publish stores a map, or nil for an empty one.
func publish[V any](at *atomic.Pointer[map[string]V], all map[string]V) {
	if len(all) == 0 {
		at.Store(nil)
		return
	}
	at.Store(&all)
}
