package middleware

import (
	"bytes"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

var (
	accept        = stage.NewName("Accept")
	cacheControl  = stage.NewName("Cache-Control")
	location      = stage.NewName("Location")
	forwardedFor  = stage.NewName("X-Forwarded-For")
	forwardedHost = stage.NewName("X-Forwarded-Host")
	noStore       = []byte("no-store")
	textHTML      = []byte("text/html")
)

// ownToService are the fields that the service is told by us alone. Some services take an
// underscore for a hyphen.
var ownToService = newSpelled([]string{
	"x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-for", "x-isame-attempts",
})

// unsent are the fields that concern one connection, its framing, or content that the
// service does not get.
var unsent = newSpelled([]string{
	"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate",
	"proxy-authorization", "http2-settings", "content-length", "host", "expect",
})

// appendQuestion appends the head that the service is sent. The same head is the same
// question.
func (f *forwardAuth) appendQuestion(b []byte, c *stage.Call) []byte {
	if f.original {
		b = append(b, c.Head.Method...)
	} else {
		b = append(b, "GET"...)
	}
	b = append(b, ' ')
	start := len(b)
	b = stage.Encode(f.url.Append(b, c), start, inTarget)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), authorityOf(b[start:])...), "\r\n"...)
	if len(f.send) == 0 {
		b = appendLines(b, &c.Request)
	}
	for i := range f.send {
		n := &f.send[i]
		if isOf(ownToService, []byte(n.String())) {
			continue
		}
		c.Request.Each(n, func(value []byte) bool {
			b = appendLine(b, n.String(), value)
			return true
		})
	}
	return append(f.appendForwarded(b, c), "\r\n"...)
}

func appendLine[N string | []byte](b []byte, name N, value []byte) []byte {
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}

// appendLines appends all fields that are the service's.
func appendLines(b []byte, from *stage.Fields) []byte {
	from.Lines(func(name, value []byte) bool {
		if isOf(ownToService, name) || isOf(unsent, name) {
			return true
		}
		b = appendLine(b, name, value)
		return true
	})
	return b
}

// appendForwarded appends what is asked about, and for whom. The chain of proxies is that
// of a trusted peer, with the peer behind it.
func (f *forwardAuth) appendForwarded(b []byte, c *stage.Call) []byte {
	b = append(append(append(b, "X-Forwarded-Method: "...), c.Head.Method...), "\r\nX-Forwarded-Proto: "...)
	host := c.Head.Host
	if c.Trusted() && c.Request.Get(&forwardedHost) != nil {
		host = c.Request.Get(&forwardedHost)
	}
	b = append(append(append(b, c.Scheme()...), "\r\nX-Forwarded-Host: "...), host...)
	b = appendSent(append(b, "\r\nX-Forwarded-Uri: "...), c)
	b = append(b, "\r\nX-Forwarded-For: "...)
	if c.Trusted() {
		c.Request.Each(&forwardedFor, func(value []byte) bool {
			b = append(append(b, value...), ", "...)
			return true
		})
	}
	return append(appendAddr(b, c.Peer()), "\r\n"...)
}

// isPlain reports that no variable has put dot segments into the path that is asked for: the
// service might answer for another one.
func (f *forwardAuth) isPlain(c *stage.Call) bool {
	c.Scratch = stage.Encode(f.url.Append(c.Scratch[:0], c), 0, inTarget)
	_, path, _ := bytes.Cut(c.Scratch, []byte("://"))
	path, _, _ = bytes.Cut(path, []byte("?"))
	i := bytes.IndexByte(path, '/')
	return i < 0 || staysAsItIs(nil, path[i:])
}

// appendSent appends path and query as the client has sent them, but for dot segments, which
// are resolved: what is decided about has to be what the backend is sent.
func appendSent(b []byte, c *stage.Call) []byte {
	_, path, err := wire.NormalizePath(nil, c.Head.Path)
	if err != nil { // the asterisk of OPTIONS
		path = c.Head.Path
	}
	if b = append(b, path...); c.Head.Query != nil {
		b = append(append(b, '?'), c.Head.Query...)
	}
	return b
}

// authorityOf is the host of a URL.
func authorityOf(url []byte) []byte {
	_, rest, found := bytes.Cut(url, []byte("://"))
	if !found {
		return nil
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// passes reports that a field of the service's answer goes on: it is none of its
// connection, and not named by Connection.
func passes(q *question, name []byte) bool {
	if isOf(unsent, name) {
		return false
	}
	return !wire.HasElement(q.resp.Header.Peek("Connection"), name)
}

// isOf reports that a name is one of these.
func isOf(names []stage.Name, name []byte) bool {
	for i := range names {
		if names[i].Matches(name) {
			return true
		}
	}
	return false
}
