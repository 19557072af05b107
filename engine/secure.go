package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/engine/certs/terms"
	"github.com/isame-lb/isame-lb/engine/http3"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// tlsPolicy is how a generation speaks TLS on a listener: alike on all shards, so that a
// session begun on one can be resumed on another.
type tlsPolicy struct {
	store *certs.Store
	terms *terms.Book
	hsts  string // the whole field line, or nothing
}

var (
	errNoListener = errors.New("the listener is gone")
	errNoTLS      = errors.New("the listener does not speak TLS any more")
	errUnknownSNI = errors.New("no certificate is for the name that the client asks for, and unknown_sni is refuse")
)

// newTLSPolicy reads the files of one listener of t; path is where the configuration
// has its tls section.
func (e *Engine) newTLSPolicy(t *table, path string, slot int, l *config.Listener) (*tlsPolicy, error) {
	c := l.TLS
	store, err := certs.Load(path+".certificates", c.Certificates)
	if err != nil {
		return nil, err
	}
	for i := range c.ACME {
		if err := e.manage(t, store, fmt.Sprintf("%s.acme[%d]", path, i), &c.ACME[i]); err != nil {
			return nil, err
		}
	}
	p := &tlsPolicy{store: store}
	if h := c.HSTS; h != nil {
		p.hsts = answer.HSTS(h.MaxAge, h.IncludeSubdomains, h.Preload)
	}
	o := terms.Options{Path: path, Config: c, Protocols: protocols(l), Store: store, QUIC: forQUIC}
	if old := e.table.Load(); old != nil {
		if l := old.listener(slot); l != nil && l.tls != nil {
			o.Before = l.tls.terms
		}
	}
	o.Session = func() *tls.Config {
		return &tls.Config{
			MinVersion:         tls.VersionTLS12,
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return e.currentTLS(slot, hello) },
		}
	}
	p.terms, err = terms.New(&o)
	return p, err
}

// currentTLS is what the running generation of a listener has for the name that a client
// asks for, or what a challenge of an ACME server is answered with.
func (e *Engine) currentTLS(slot int, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if c := e.challenges.Config(hello); c != nil {
		return c, nil
	}
	_, l := e.generation(slot)
	switch {
	case l == nil:
		return nil, errNoListener
	case l.tls == nil:
		return nil, errNoTLS
	}
	t, _ := l.tls.terms.Handshake(hello)
	return t.TCP, nil
}

// protocols are what a listener offers by ALPN (RFC 7301), the best one first.
func protocols(l *config.Listener) []string {
	if l.HTTP2 {
		return []string{h2, http11}
	}
	return []string{http11}
}

const http11 = "http/1.1"

// handshake is the goroutine in which a connection agrees on its keys; then the
// loop has it back. It waits within the deadline of the first request's head.
func (c *conn) handshake(policy *listenerPolicy) {
	began := socket.Nanos()
	if c.acceptedNanos != 0 {
		c.firstByte(began)
	}
	c.SetWriteBy(deadline(began, policy.header))
	err := c.ServeTLS(policy.tls.terms.Session(), c.in.Bytes(), c.reached())
	c.in.Release()
	if err != nil {
		c.handshakeFailed(policy, err)
		c.close()
		return
	}
	state := c.TLSState()
	c.sni = state.ServerName
	policy.stats.Handshakes.Add(c.shard.index, &state)
	c.shard.engine.registry.Phases.Add(c.shard.index, observe.PhaseTLS, socket.Nanos()-began)
	switch state.NegotiatedProtocol {
	case acme.Protocol:
		c.close() // the certificate was all it came for
		return
	case h2:
		c.beginSession(policy)
		c.Hand(c, true)
		return
	}
	c.preamble, c.waiting = preambleNone, false
	c.state.Store(stateIdle)
	c.beginWait(c.policy())
	c.Hand(c, true) // crypto/tls may have read the request already
}

// reached is the address that the client has connected to, as the proxy in front said;
// nil where none said so.
func (c *conn) reached() net.Addr {
	if c.named == nil || !c.named.Destination.IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(c.named.Destination)
}

// handshakeFailed counts a handshake without result, and answers a client that
// spoke clear text in its own language.
func (c *conn) handshakeFailed(policy *listenerPolicy, err error) {
	var r tls.RecordHeaderError
	switch {
	case errors.Is(err, io.EOF), c.Aborted():
		return // somebody looked whether we listen, or we drain
	case errors.As(err, &r) && r.Conn != nil && isClearHTTP(r.RecordHeader):
		_ = c.failed(policy, observe.FailureClearText, err)
		c.shard.sayWhy(c, answer.ClearText)
		c.linger()
		return
	case err.Error() == noCertificates:
		_ = c.failed(policy, observe.FailureUnknownSNI, errUnknownSNI)
		return
	}
	_ = c.failed(policy, observe.FailureHandshake, err)
}

// noCertificates is how crypto/tls calls a handshake that it ended by unrecognized_name,
// which happens on the terms of a refused name only. There is no value to compare with.
const noCertificates = "tls: no certificates configured"

// isClearHTTP reports that a client's first bytes begin a request of HTTP/1.1.
func isClearHTTP(first [5]byte) bool {
	switch string(first[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "TRACE", "CONNE", "QUERY":
		return true
	}
	return false
}

// misdirected reports a request for a host that has other terms than the name the
// connection was opened for, or whose certificate is not the one it was opened with.
func (x *exchange) misdirected() bool {
	p := x.policy.tls
	if p == nil {
		return false
	}
	host := wire.HostName(x.head.Host)
	return p.terms.Parted(x.c.sni, host) || x.c.sni != "" && p.store.Misdirected(x.c.sni, host)
}

// sayCertificates warns of certificates of t that clients will refuse.
func (e *Engine) sayCertificates(t *table) {
	now := time.Now()
	t.eachCertificate(func(listener string, d *certs.Description) {
		if trouble := d.Trouble(now); trouble != "" {
			e.log.Warn().Str("listener", listener).Str("certificate", d.Name).Str("file", d.File).
				Time("not_before", d.NotBefore).Time("not_after", d.NotAfter).Msg(trouble)
		}
	})
}

// eachCertificate calls f for every certificate of every listener.
func (t *table) eachCertificate(f func(listener string, d *certs.Description)) {
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		all := l.tls.store.Descriptions()
		for i := range all {
			f(l.name, &all[i])
		}
	}
}

// certificates is for the registry: the earliest end of each name.
func (e *Engine) certificates() []observe.Certificate {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	var all []observe.Certificate
	t.eachCertificate(func(_ string, d *certs.Description) {
		name := d.Name
		if name == "" {
			name = d.File
		}
		all = append(all, observe.Certificate{Name: name, NotAfter: d.NotAfter})
	})
	return all
}

// forQUIC is c as QUIC needs it. Session tickets are made and read with the keys of
// tickets.
func forQUIC(c, tickets *tls.Config) *tls.Config {
	q := c.Clone()
	q.MinVersion, q.NextProtos = tls.VersionTLS13, []string{http3.Protocol}
	q.WrapSession, q.UnwrapSession = tickets.EncryptTicket, tickets.DecryptTicket
	if f := q.GetCertificate; f != nil {
		q.GetCertificate = caught("QUIC certificate", f)
	}
	if f := q.VerifyConnection; f != nil {
		q.VerifyConnection = func(s tls.ConnectionState) error {
			_, err := caught("QUIC client certificate", func(s tls.ConnectionState) (struct{}, error) { return struct{}{}, f(s) })(s)
			return err
		}
	}
	return q
}

// errCallBug is a call that has met a bug of ours.
var errCallBug = errors.New("the call met a bug, see the log")

// caught is f for a goroutine of the library, which has no guard: a panic of f is an
// error of what asked.
func caught[A, R any](place string, f func(A) (R, error)) func(A) (R, error) {
	return func(a A) (r R, err error) {
		if !safely.Do(place, func() { r, err = f(a) }, nil) {
			err = errCallBug
		}
		return r, err
	}
}

// Challenges are what ACME servers may ask now. Whoever has the certificates of several
// instances in one place calls its Share, before the first Apply.
func (e *Engine) Challenges() *acme.Challenges { return &e.challenges }

// manage puts the hosts of an acme section into a listener's store. Nothing is
// obtained before the generation runs.
func (e *Engine) manage(t *table, store *certs.Store, path string, c *config.ACME) error {
	var running acme.Keepers
	if now := e.table.Load(); now != nil {
		running = now.keepers
	}
	managed, err := t.keepers.Of(path, c, running, func(s acme.Section) (*acme.Keeper, error) {
		return acme.New(s, &e.challenges, e.log, e.registry.CertificateOrdered)
	})
	if err != nil {
		return err
	}
	for _, m := range managed {
		if m.Current() == nil {
			m.Lend(e.managedNow(m.Host()))
		}
		store.Manage(m.Host(), m)
	}
	return nil
}

// managedNow is the certificate that the running generation has for a host: a
// section that changes, its directory for instance, takes it over until it has its
// own.
func (e *Engine) managedNow(host string) *tls.Certificate {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		if m := l.tls.store.Managed(host); m != nil && m.Current() != nil {
			return m.Current()
		}
	}
	return nil
}

// keepCertificates begins what next wants of its keepers and ends those that only
// the generation before it had.
func (e *Engine) keepCertificates(now, next *table) {
	next.keepers.Keep(next.hasClearText())
	e.stopKeepers(now, next)
}

// stopKeepers stops the keepers of t that are not also other's, beside everything
// else: a request under way to a server has to be broken off.
func (e *Engine) stopKeepers(t, other *table) {
	if t == nil {
		return
	}
	var stay acme.Keepers
	if other != nil {
		stay = other.keepers
	}
	for _, k := range t.keepers.Without(stay) {
		safely.GoIn(&e.retirement, "retirement", k.Stop)
	}
}

// hasClearText reports whether somebody can answer http-01 challenges.
func (t *table) hasClearText() bool {
	return slices.ContainsFunc(t.listeners, func(l *listenerPolicy) bool { return l != nil && l.tls == nil })
}

// isChallenge reports a request of an ACME server that looks whether a host is
// ours. Tokens that are not ours go to the routes: a backend may have its own.
func (x *exchange) isChallenge() bool {
	if x.c.shard.engine.challenges.KeyAuthorization(x.path) == "" {
		return false
	}
	return string(x.head.Method) == "GET" || x.isHEAD
}

// exceptions are what redirect_https.except names: one of its hosts, or one of its prefixes.
func exceptions(c *config.RedirectHTTPS) ([]match.Predicates, error) {
	if c == nil {
		return nil, nil
	}
	sections := []config.Predicates{{Hosts: c.Except.Hosts}}
	for _, prefix := range c.Except.PathPrefixes {
		sections = append(sections, config.Predicates{PathPrefix: prefix})
	}
	return match.NewNot(sections)
}

// redirects reports that a request in clear text is answered with a redirect to https.
func (p *listenerPolicy) redirects(host, path []byte) bool {
	return p.toHTTPS != nil && match.Any(p.excepted, &match.Request{Host: host, Path: path}) < 0
}
