package ctl

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// guard is what every request meets first: an HTTP version and a target we speak, and a
// Host that is ours (DNS rebinding). What else a call asks for stands in admit.go. All of
// it but access is written by New and Bind and only read afterwards.
type guard struct {
	own      map[string]bool // hosts that are ours by the address itself, in lower case
	isSocket bool            // a unix socket: no browser can reach it
	access   atomic.Pointer[access]
}

func newGuard(o *Options) *guard {
	g := &guard{own: map[string]bool{"localhost": true}}
	a := o.access()
	g.access.Store(compileAccess(&a))
	if strings.HasPrefix(o.Address, "unix:") {
		g.isSocket = true
		return g
	}
	if host, _, err := net.SplitHostPort(o.Address); err == nil && host != "" {
		g.own[canonicalHost(host)] = true
	}
	return g
}

// asks reports that there are tokens, one of which has to be presented.
func (g *guard) asks() bool { return len(g.access.Load().tokens) > 0 }

// addBound also answers to the address that was really bound.
func (g *guard) addBound(a net.Addr) {
	if tcp, ok := a.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		g.own[canonicalHost(tcp.IP.String())] = true
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
	if g.isSocket || g.isOurs(host, local) {
		return nil
	}
	return api.NewProblem(fasthttp.StatusForbidden,
		fmt.Sprintf("host %q is not answered: add it to admin.allowed_hosts, or use the address itself", host)).WithCode(api.CodeHostRefused)
}

func (g *guard) isOurs(host string, local net.Addr) bool {
	full := canonicalHost(host)
	name := full
	if n, _, err := net.SplitHostPort(full); err == nil {
		name = n
	}
	allowed := g.access.Load().hosts
	if g.own[name] || allowed[full] || allowed[name] {
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
