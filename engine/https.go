package engine

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// portHTTPS is the one that stands in no location.
const portHTTPS = 443

// redirectHTTPS is the route of a listener that sends everybody to https. It has
// no name: metrics count it as requests without a route.
func (p *listenerPolicy) redirectHTTPS(c *config.RedirectHTTPS) (*routeEntry, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // no section, no route
	}
	to := "https://{host}"
	if c.Port != portHTTPS {
		to += ":" + strconv.Itoa(c.Port)
	}
	location, err := route.Compile(to + "{uri}")
	if err != nil {
		return nil, err
	}
	return p.ownRoute(routeEntry{action: actionRedirect, status: c.Status, redirect: location}), nil
}

// ownRoute makes a route of this listener alone, which counts as none.
func (p *listenerPolicy) ownRoute(r routeEntry) *routeEntry {
	r.stats = make([]*observe.RouteStats, p.number+1)
	r.stats[p.number] = p.unrouted
	return &r
}

const hstsName = "strict-transport-security"

// hstsLine is the field line of an hsts section.
func hstsLine(c *config.HSTS) string {
	if c == nil {
		return ""
	}
	line := "Strict-Transport-Security: max-age=" + strconv.FormatInt(int64(c.MaxAge/time.Second), 10)
	if c.IncludeSubdomains {
		line += "; includeSubDomains"
	}
	if c.Preload {
		line += "; preload"
	}
	return line + "\r\n"
}

// hsts is what this answer says, or nothing: in clear text it must not be said
// (RFC 6797 section 7.2).
func (x *exchange) hsts() string {
	if x.policy.tls == nil || !x.c.Secure() {
		return ""
	}
	return x.policy.tls.hsts
}

func (x *exchange) appendHSTS(b []byte) []byte { return append(b, x.hsts()...) }

// appendOwn appends what a listener says in answers that are the proxy's own.
func (x *exchange) appendOwn(b []byte) []byte { return append(x.appendHSTS(b), x.altSvc()...) }

// altSvc is the field line that names the port of HTTP/3, or nothing: it counts where
// the client knows by a certificate whom it listens to, and does not speak it already.
func (x *exchange) altSvc() string {
	if x.policy.altSvc == "" || !x.c.shard.ln.overUDP.Load() || x.c.via == via30 || !x.c.Secure() {
		return ""
	}
	return x.policy.altSvc
}

// appendAltSvc appends it to the answer of a backend, unless that has one.
func (x *exchange) appendAltSvc(b []byte, h *wire.Head) []byte {
	line := x.altSvc()
	if line == "" {
		return b
	}
	for i := range h.Fields {
		if wire.EqualFold(h.Name(&h.Fields[i]), "alt-svc") {
			return b
		}
	}
	return append(b, line...)
}

// dropHSTS takes out what a backend says where the listener has its own: browsers
// look at the first field only (RFC 6797 section 8.1), and who answers for the
// certificates is the one to know.
func (x *exchange) dropHSTS(h *wire.Head) {
	if x.hsts() == "" {
		return
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; wire.EqualFold(h.Name(f), hstsName) {
			f.Drop = true
		}
	}
}
