package ctl

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"mime"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// guard decides who is answered. In order: an HTTP version and a target we
// speak, a Host that is ours (DNS rebinding), and for changes an Origin that
// is ours (cross-site requests), the token, a content type no HTML form can send.
//
// Reads need no token: they change nothing and secrets in them are masked. It
// is written by New and Start and only read afterwards.
type guard struct {
	hosts   map[string]bool // host or host:port, lower case
	anyHost bool            // a unix socket: no browser can reach it
	token   [sha256.Size]byte
	asks    bool // a token is set
}

func newGuard(o *Options) guard {
	g := guard{hosts: map[string]bool{"localhost": true}, asks: o.Token != ""}
	if g.asks {
		g.token = sha256.Sum256([]byte(o.Token))
	}
	if strings.HasPrefix(o.Address, "unix:") {
		g.anyHost = true
		return g
	}
	if host, _, err := net.SplitHostPort(o.Address); err == nil && host != "" {
		g.hosts[canonicalHost(host)] = true
	}
	for _, h := range o.AllowedHosts {
		g.hosts[canonicalHost(h)] = true
	}
	return g
}

// addBound also answers to the address that was really bound.
func (g *guard) addBound(a net.Addr) {
	if tcp, ok := a.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		g.hosts[canonicalHost(tcp.IP.String())] = true
	}
}

// checkRequest is what every request must pass; nil lets it through.
func (g *guard) checkRequest(ctx *fasthttp.RequestCtx) *api.Problem {
	h := &ctx.Request.Header
	if p := string(h.Protocol()); p != "HTTP/1.1" && p != "HTTP/1.0" {
		return api.NewProblem(fasthttp.StatusHTTPVersionNotSupported, fmt.Sprintf("version %q: this endpoint speaks HTTP/1.1", p))
	}
	if target := h.RequestURI(); len(target) == 0 || target[0] != '/' {
		return api.NewProblem(fasthttp.StatusBadRequest, "the request target must start with /: this endpoint is not a proxy")
	}
	return g.checkHost(string(h.Host()), ctx.LocalAddr())
}

// checkHost refuses names an attacker may have pointed here. local is the
// address this very connection arrived at, which no browser lies about.
func (g *guard) checkHost(host string, local net.Addr) *api.Problem {
	if g.anyHost || g.isOurs(host, local) {
		return nil
	}
	return api.NewProblem(fasthttp.StatusForbidden,
		fmt.Sprintf("host %q is not answered: add it to admin.allowed_hosts, or use the address itself", host))
}

func (g *guard) isOurs(host string, local net.Addr) bool {
	full := canonicalHost(host)
	name := full
	if n, _, err := net.SplitHostPort(full); err == nil {
		name = n
	}
	if g.hosts[full] || g.hosts[name] {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	tcp, ok := local.(*net.TCPAddr)
	return ip.IsLoopback() || ok && tcp.AddrPort().Addr().Unmap() == ip.Unmap()
}

// canonicalHost lowers the case and removes brackets and the root dot, keeping a port.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	}
	return net.JoinHostPort(strings.TrimSuffix(name, "."), port)
}

// checkChange is what a request that changes something must pass as well.
func (g *guard) checkChange(ctx *fasthttp.RequestCtx, types []string) *api.Problem {
	if p := checkOrigin(&ctx.Request.Header); p != nil {
		return p
	}
	if p := g.checkToken(&ctx.Request.Header); p != nil {
		return p
	}
	return checkContentType(ctx, types)
}

// checkOrigin refuses what a page of another site makes a browser send.
func checkOrigin(h *fasthttp.RequestHeader) *api.Problem {
	if site := string(h.Peek("Sec-Fetch-Site")); site != "" && site != "same-origin" && site != "none" {
		return api.NewProblem(fasthttp.StatusForbidden, "cross-site requests may not change anything")
	}
	origins := h.PeekAll("Origin")
	if len(origins) == 0 {
		return nil
	}
	origin := string(origins[0])
	u, err := url.Parse(origin)
	if len(origins) == 1 && err == nil && u.Host != "" && canonicalHost(u.Host) == canonicalHost(string(h.Host())) {
		return nil
	}
	return api.NewProblem(fasthttp.StatusForbidden, fmt.Sprintf("origin %q is another site: it may not change anything", origin))
}

// checkToken compares in constant time; hashing first hides the length too.
func (g *guard) checkToken(h *fasthttp.RequestHeader) *api.Problem {
	if !g.asks {
		return nil
	}
	scheme, given, _ := strings.Cut(string(h.Peek("Authorization")), " ")
	sum := sha256.Sum256([]byte(strings.TrimLeft(given, " ")))
	if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1 {
		return nil
	}
	return api.NewProblem(fasthttp.StatusUnauthorized, "a change needs the token of admin.token: send Authorization: Bearer TOKEN")
}

// checkContentType lets only those media types through that a browser asks
// permission for before it sends them to another site.
func checkContentType(ctx *fasthttp.RequestCtx, types []string) *api.Problem {
	given := string(ctx.Request.Header.ContentType())
	if given == "" && len(ctx.Request.Body()) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(given)
	for _, t := range types {
		if err == nil && media == t {
			return nil
		}
	}
	want := "no body"
	if len(types) > 0 {
		want = strings.Join(types, " or ")
	}
	return api.NewProblem(fasthttp.StatusUnsupportedMediaType, fmt.Sprintf("content type %q: this call takes %s", given, want))
}
