package engine

import (
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// vouchedFields are the names of fields that listeners write about their
// clients' certificates, in lower case and with hyphens. A backend believes them
// whichever way a request came, so a generation has them removed on every
// listener: own always, those of other listeners like all that a trusted peer may
// say.
type vouchedFields struct{ own, others []string }

// vouch tells every listener of the generation which fields it has to remove.
func (t *table) vouch() {
	for _, p := range t.listeners {
		if p == nil {
			continue
		}
		for _, of := range t.listeners {
			if of == nil || of.tls == nil {
				continue
			}
			names := of.tls.clients.Names()
			if of == p {
				p.vouched.own = names
			} else {
				p.vouched.others = append(p.vouched.others, names...)
			}
		}
	}
}

// drop marks the field lines that a client must not send. Heads and trailers.
func (v *vouchedFields) drop(h *wire.Head, trusted bool) {
	if len(v.own)+len(v.others) == 0 {
		return
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		if name := h.Name(f); nameAmong(name, v.own) || !trusted && nameAmong(name, v.others) {
			f.Drop = true
		}
	}
}

func nameAmong(name []byte, names []string) bool {
	for _, n := range names {
		if len(n) == len(name) && readsAs(name, n) {
			return true
		}
	}
	return false
}

// readsAs compares as CGI backends read names: without case, _ for -.
func readsAs(name []byte, want string) bool {
	for i, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// trailersSent are the trailers of the request that go to the backend: none of
// the fields it would believe.
func (x *exchange) trailersSent() *wire.Head {
	h := x.body.Trailers()
	if h != nil {
		x.policy.vouched.drop(h, x.policy.trusts(x.c.ip))
	}
	return h
}

// clientLines is what backends are told of the certificate of a connection's
// client. It is rendered at the first request, and again when a generation asks
// for other fields: a head of 1 KiB of base64 costs a microsecond or two.
type clientLines struct {
	of   *certs.ClientFields
	text []byte
}

// appendClient appends the field lines about the client's certificate. The loop
// calls it, so that the streams of a connection may share what is rendered.
func (x *exchange) appendClient(b []byte) []byte {
	if x.policy.tls == nil || x.policy.tls.clients == nil {
		return b
	}
	fields, c := x.policy.tls.clients, x.c
	if c.parent != nil {
		c = c.parent
	}
	if c.client == nil || c.client.of != fields {
		s := c.TLSState()
		c.client = &clientLines{of: fields, text: fields.Append(nil, &s)}
	}
	return append(b, c.client.text...)
}
