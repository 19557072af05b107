package ctl

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Access is whom the endpoint answers. It may be replaced while it serves: SetAccess.
type Access struct {
	// Tokens are what may be presented; several may have one name, so that one can
	// follow another. With none, whoever reaches the endpoint may do everything.
	Tokens []Token
	// AllowedHosts are answered beside loopback names and the address itself:
	// names or addresses, with a port when only that one is meant.
	AllowedHosts []string
	// TLS makes the endpoint speak HTTPS; nil is clear text.
	TLS *tls.Config
	// Dashboard answers browsers with the page of ctl/web.
	Dashboard bool
}

// Token is one secret that may be presented as Authorization: Bearer.
type Token struct {
	// Name says in logs and in the history who made a change.
	Name string
	// Role is what it may do.
	Role api.Role
	// Secret is never empty.
	Secret string
}

// TokenName is the name of the token of Options.Token and of admin.token.
const TokenName = "admin.token"

// access is Access as the guard reads it; it is not changed any more.
type access struct {
	hosts  map[string]bool // host or host:port, lower case
	tokens []knownToken
	// dashboard is Access.Dashboard.
	dashboard bool
}

// knownToken is a token without its secret.
type knownToken struct {
	name string
	role api.Role
	sum  [sha256.Size]byte
}

func compileAccess(a *Access) *access {
	out := &access{hosts: map[string]bool{}, dashboard: a.Dashboard}
	for _, h := range a.AllowedHosts {
		out.hosts[canonicalHost(h)] = true
	}
	for _, t := range a.Tokens {
		out.tokens = append(out.tokens, knownToken{name: t.Name, role: t.Role, sum: sha256.Sum256([]byte(t.Secret))})
	}
	return out
}

// find is the token with this sum. It takes the same time whichever it is, and where
// there is none; that sums are compared hides the lengths of secrets too.
func (a *access) find(sum [sha256.Size]byte) (knownToken, bool) {
	at := -1
	for i := range a.tokens {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], a.tokens[i].sum[:]), i, at)
	}
	if at < 0 {
		return knownToken{}, false
	}
	return a.tokens[at], true
}

// CheckAccess says why a must not be in force: whoever reaches the address that is
// bound could command the process.
func (s *Server) CheckAccess(a *Access) error {
	at := s.Addr()
	if at == nil {
		at = s.unbound() // it waits for its address
	}
	return s.checkExposure(at, len(a.Tokens) > 0)
}

// SetAccess puts a, which CheckAccess has passed, in force: for the next request of
// every connection, and TLS for the next connection. A connection that came under
// other terms of TLS ends with its next answer, a stream at once. A unix socket speaks clear text always:
// it may be the running address of a configuration that names another one.
func (s *Server) SetAccess(a *Access) {
	s.guard.access.Store(compileAccess(a))
	if !s.guard.isSocket && !sameTLS(s.tls.Load(), a.TLS) {
		s.tls.Store(a.TLS)
	}
	s.streams.askAgain()
}

// How a caller is known.
const (
	viaToken       = "token"
	viaSession     = "session"
	viaCertificate = "certificate"
	viaSocket      = "socket"
	viaNothing     = "none" // there are no tokens
)

// authorLocal is who changes something without a name.
const authorLocal = "local"

// caller is who asks.
type caller struct {
	// author is the name of the token, the subject of the certificate, or local; empty
	// for nobody that is known.
	author string
	role   api.Role // empty for nobody
	via    string
	// sum is that of the token, of which a session is one as well; zero for who has none.
	sum [sha256.Size]byte
}

// Why somebody is not known, in words.
var (
	errNoToken = errors.New("a token is needed (admin.tokens): send Authorization: Bearer TOKEN")
	errWrong   = errors.New("the token is none of admin.tokens")
	errScheme  = errors.New("the token (admin.tokens) must come as one field, Authorization: Bearer TOKEN")
	errSession = errors.New("the session has ended: log in again with a token of admin.tokens")
)

// identify finds out who asks. The problem is 401, or 429 where an address sends too
// many wrong tokens.
func (s *Server) identify(ctx *fasthttp.RequestCtx) (caller, *api.Problem) {
	h := &ctx.Request.Header
	a := s.guard.access.Load()
	anyone := caller{author: authorLocal, role: api.RoleWrite, via: viaNothing}
	if name := subjectOf(ctx.TLSConnectionState()); name != "" {
		anyone.author, anyone.via = name, viaCertificate
	}
	if s.guard.isSocket {
		anyone.via = viaSocket
		if t, err := s.tokenOf(h, a); err == nil {
			anyone.author = t.name
		}
		return anyone, nil
	}
	if len(a.tokens) == 0 {
		return anyone, nil
	}
	if len(h.Peek(fasthttp.HeaderAuthorization)) == 0 && len(h.Cookie(cookieName)) > 0 {
		t, ok := s.gate.session(h.Cookie(cookieName), a, s.now())
		if !ok {
			return caller{}, unauthorized(errSession)
		}
		return caller{author: t.name, role: t.role, via: viaSession, sum: t.sum}, nil
	}
	t, p := s.checkToken(ctx, func() (knownToken, error) { return s.tokenOf(h, a) })
	return caller{author: t.name, role: t.role, via: viaToken, sum: t.sum}, p
}

// checkToken looks for a token, and bounds how often an address may guess (gate.try).
func (s *Server) checkToken(ctx *fasthttp.RequestCtx, find func() (knownToken, error)) (knownToken, *api.Problem) {
	t, err := find()
	isWrong := errors.Is(err, errWrong)
	if err != nil && !isWrong {
		return knownToken{}, unauthorized(err)
	}
	from, now := clientKey(ctx.RemoteAddr()), s.now()
	if wait := s.gate.try(from, &t, !isWrong, now); wait > 0 {
		return knownToken{}, throttled(ctx, wait, "too many wrong tokens came from this address")
	}
	if isWrong {
		return knownToken{}, unauthorized(err)
	}
	return t, nil
}

// tokenOf is the token that a request presents.
func (s *Server) tokenOf(h *fasthttp.RequestHeader, a *access) (knownToken, error) {
	fields := h.PeekAll(fasthttp.HeaderAuthorization)
	if len(fields) == 0 {
		return knownToken{}, errNoToken
	}
	scheme, given, _ := strings.Cut(string(fields[0]), " ")
	given = strings.TrimLeft(given, " ")
	if len(fields) > 1 || !strings.EqualFold(scheme, "Bearer") || given == "" {
		return knownToken{}, errScheme
	}
	t, ok := a.find(sha256.Sum256([]byte(given)))
	if !ok {
		return knownToken{}, errWrong
	}
	return t, nil
}

// holds reports that the header of a request alone shows a role; it counts nothing.
func (s *Server) holds(h *fasthttp.RequestHeader, role api.Role) bool {
	a := s.guard.access.Load()
	if s.guard.isSocket || len(a.tokens) == 0 {
		return true
	}
	t, err := s.tokenOf(h, a)
	if errors.Is(err, errNoToken) {
		t, ok := s.gate.session(h.Cookie(cookieName), a, s.now())
		return ok && t.role.Includes(role)
	}
	return err == nil && t.role.Includes(role)
}

func unauthorized(err error) *api.Problem {
	return api.NewProblem(fasthttp.StatusUnauthorized, err.Error())
}

// subjectBytesMax bounds the subject of a certificate in logs and in the history.
const subjectBytesMax = 256

// subjectOf is who a verified client certificate is for: its subject or, where that is
// empty, its first name.
func subjectOf(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return ""
	}
	leaf := state.PeerCertificates[0]
	name := leaf.Subject.String()
	if name == "" {
		name = firstName(leaf)
	}
	return name[:min(len(name), subjectBytesMax)]
}

func firstName(c *x509.Certificate) string {
	switch {
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.EmailAddresses) > 0:
		return c.EmailAddresses[0]
	default:
		return "serial " + c.SerialNumber.Text(16)
	}
}

// checkExposure refuses an endpoint that anybody on the network could command.
func (s *Server) checkExposure(at net.Addr, asks bool) error {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || asks || tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("address %q is reachable from other machines and admin.token is empty: "+
		"set admin.token or admin.tokens, or listen on 127.0.0.1", s.opts.Address)
}
