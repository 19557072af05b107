package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
)

// Protocol is what a server that validates by tls-alpn-01 asks for by ALPN. Such
// a connection ends with its handshake.
const Protocol = acmez.ACMETLS1Protocol

// Challenges are what servers may ask now to see that a host is ours: the one
// thing of this package that every listener looks at. The zero value is ready.
// Lookups may be made by any goroutine and wait for nobody.
type Challenges struct {
	mu     sync.Mutex                             // of who changes one of the two
	tokens atomic.Pointer[map[string]string]      // key authorizations; nil while there are none
	names  atomic.Pointer[map[string]*tls.Config] // by SNI, lower case; nil likewise
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
	of      *Challenges
	present func(acme.Challenge) error
	remove  func(acme.Challenge)
}

// Present is called before the server is told to look.
func (s solver) Present(_ context.Context, a acme.Challenge) error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.present(a)
}

// CleanUp is called when it has looked, or will not any more.
func (s solver) CleanUp(_ context.Context, a acme.Challenge) error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.remove(a)
	return nil
}

func (c *Challenges) presentToken(a acme.Challenge) error {
	change(&c.tokens, func(m map[string]string) { m[a.Token] = a.KeyAuthorization })
	return nil
}

func (c *Challenges) removeToken(a acme.Challenge) {
	change(&c.tokens, func(m map[string]string) { delete(m, a.Token) })
}

// presentALPN has one challenge for a name. Two sections that validate the same
// host at the same moment disturb each other; the one that fails comes again.
func (c *Challenges) presentALPN(a acme.Challenge) error {
	certificate, err := acmez.TLSALPN01ChallengeCert(a)
	if err != nil {
		return fmt.Errorf("cannot make a certificate for a challenge: %w", err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{Protocol}, Certificates: []tls.Certificate{*certificate},
		SessionTicketsDisabled: true,
	}
	change(&c.names, func(m map[string]*tls.Config) { m[serverName(a.Identifier)] = config })
	return nil
}

func (c *Challenges) removeALPN(a acme.Challenge) {
	change(&c.names, func(m map[string]*tls.Config) { delete(m, serverName(a.Identifier)) })
}

// serverName is what the server asks for by SNI: of an IP address its name in the
// reverse DNS (RFC 8738 section 6).
func serverName(of acme.Identifier) string {
	if reverse, err := dns.ReverseAddr(of.Value); err == nil {
		return strings.TrimSuffix(reverse, ".")
	}
	return strings.ToLower(of.Value)
}

// change stores a changed copy, or nil for an empty one. The caller holds the lock.
func change[V any](at *atomic.Pointer[map[string]V], edit func(map[string]V)) {
	next := map[string]V{}
	if now := at.Load(); now != nil {
		next = maps.Clone(*now)
	}
	edit(next)
	if len(next) == 0 {
		at.Store(nil)
		return
	}
	at.Store(&next)
}
