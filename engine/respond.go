package engine

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// redirect answers with the route's Location.
func (x *exchange) redirect() bool {
	r := x.route
	if len(x.hostSent()) == 0 {
		return x.reject(rejectFor(wire.ErrBadHost)) // nothing to build a location from
	}
	x.status = r.status
	x.keep = x.keep && x.mayKeep()
	b := x.beginLocal(r.status)
	b = append(b, "Location: "...)
	b = r.redirect.Append(b, route.Values{
		Scheme: x.c.scheme(), Host: x.hostSent(), Path: x.head.Path, Query: x.head.Query, Target: x.head.Target,
	})
	b = append(b, "\r\n"...)
	x.answer = x.endLocal(b, 0)
	return x.writeAnswer(nil)
}

var schemeHTTP, schemeHTTPS = []byte("http"), []byte("https")

// scheme is what the client speaks.
func (c *conn) scheme() []byte {
	if c.Secure() {
		return schemeHTTPS
	}
	return schemeHTTP
}

// respond answers with the route's fixed response.
func (x *exchange) respond() bool {
	r := x.route
	x.status = r.status
	x.keep = x.keep && x.mayKeep()
	body := r.body
	b := x.beginLocal(x.status)
	if r.contentType != "" && !wire.WithoutContent(x.status, false) {
		b = append(append(append(b, "Content-Type: "...), r.contentType...), "\r\n"...)
	}
	x.answer = x.endLocal(b, len(body))
	if wire.WithoutContent(x.status, x.isHEAD) {
		body = nil
	}
	return x.writeAnswer(body)
}

// options answers OPTIONS * about the proxy itself.
func (x *exchange) options() bool {
	x.status = fasthttp.StatusNoContent
	x.keep = x.keep && x.mayKeep()
	b := append(x.beginLocal(x.status), "Allow: "+methodsAllowed+"\r\n"...)
	x.answer = x.endLocal(b, 0)
	return x.writeAnswer(nil)
}

func (x *exchange) beginLocal(status int) []byte {
	b := appendStatusLine(x.answer[:0], status)
	return x.appendOwn(append(append(append(b, "Date: "...), x.c.shard.engine.date()...), "\r\n"...))
}

func (x *exchange) endLocal(b []byte, length int) []byte {
	if !wire.WithoutContent(x.status, false) {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(length), 10), "\r\n"...)
	}
	switch {
	case !x.keep:
		b = append(b, "Connection: close\r\n"...)
	case x.head.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// dateValue is the value of a Date field (RFC 9110 section 6.6.1).
func dateValue(now time.Time) []byte {
	return now.UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT")
}
