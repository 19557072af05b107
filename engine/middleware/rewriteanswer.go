package middleware

import (
	"bytes"
	"slices"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// rewriteAnswers is a rewrite that also makes answers speak of the host and the paths that
// clients know: what was put in front is taken off, what was taken off is put in front, and what
// names the backend leads to the host of the request. A path that is not below what was put in
// front is none of a client's, and stays.
type rewriteAnswers struct{ *rewrite }

var (
	refresh   = stage.NewName("Refresh")
	setCookie = stage.NewName("Set-Cookie")
)

// Response changes Location, Refresh and the Path of cookies.
func (w *rewriteAnswers) Response(c *stage.Call) stage.Verdict {
	if c.Own || w.strip.text != "" && *c.Slot() == 0 {
		return stage.Next // the proxy itself speaks, who knows what clients know, or nothing was taken off
	}
	b := w.back(c)
	kept := len(c.Scratch)
	if value := c.Answer.Get(&location); value != nil {
		c.Scratch = b.reference(c.Scratch[:kept], value)
		c.Answer.Set(&location, c.Scratch[kept:])
	}
	if value := c.Answer.Get(&refresh); value != nil {
		if at := refreshTarget(value); at >= 0 {
			c.Scratch = append(c.Scratch[:kept], value[:at]...)
			c.Scratch = b.reference(c.Scratch, value[at:])
			c.Answer.Set(&refresh, c.Scratch[kept:])
		}
	}
	if len(b.prefix)+len(b.added) > 0 && c.Answer.Get(&setCookie) != nil {
		c.Scratch = c.Scratch[:kept]
		eachCookie(c, b.cookie)
	}
	return stage.Next
}

// back is what leads the answer of a call back. It lies in Scratch, which ends behind it.
func (w *rewriteAnswers) back(c *stage.Call) back {
	scheme, named := c.Asked()
	room := w.appendAdded(c.Scratch[:0], c)
	n := len(room)
	room = append(room, c.Backend()...)
	m := len(room)
	room = append(room, named...)
	c.Scratch = room
	b := back{host: c.Head.Host, prefix: w.told, added: room[:n:n], scheme: scheme, port: portHTTP}
	b.names = [...][]byte{c.Host, room[n:m:m], room[m:]}
	if scheme == wordHTTPS {
		b.port = portHTTPS
	}
	return b
}

const wordHTTPS = "https"

// The ports that an authority may leave out.
var portHTTP, portHTTPS = []byte(":80"), []byte(":443")

// back leads references of a backend back to what clients know.
type back struct {
	host   []byte // that the client has asked for
	added  []byte // in front of what the backend was sent
	prefix []byte // that was taken off

	// How the backend was asked: by http or https, which has this port, and what it is called: the
	// host that a stage has set, its address, the host that its pool names. Any may be empty.
	scheme string
	port   []byte
	names  [3][]byte
}

// reference appends a reference of the backend as clients know it: one that names another
// host, or is relative to where it is found, stays. One that names the backend becomes one to
// the host of the request, whatever scheme and port that has for the client.
func (b *back) reference(dst, value []byte) []byte {
	at, own := b.pathOf(value)
	if at < 0 || own && !b.isBelow(value[at:]) {
		return append(dst, value...)
	}
	start := len(dst)
	if !own {
		dst = append(dst, value[:at]...)
	}
	dst = b.path(dst, value[at:])
	switch path := dst[start:]; {
	case own && (len(path) == 0 || path[0] != '/'):
		return slices.Insert(dst, start, '/')
	case (own || at == 0) && bytes.HasPrefix(path, []byte("//")): // as Destination has it
		return slices.Insert(dst, start, '/', '.')
	}
	return dst
}

// path appends a path of the backend, with what stands behind it, as clients know it.
func (b *back) path(dst, path []byte) []byte {
	if !b.isBelow(path) {
		return append(dst, path...)
	}
	rest := path[len(b.added):]
	if len(b.prefix) == 0 && len(b.added) > 0 && (len(rest) == 0 || rest[0] != '/') {
		dst = append(dst, '/')
	}
	return append(append(dst, b.prefix...), rest...)
}

// isBelow reports a path that a client can ask for.
func (b *back) isBelow(path []byte) bool {
	end := len(path)
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		end = i
	}
	return len(b.added) == 0 || begins(path[:end], string(b.added))
}

// pathOf is where the path of a reference begins that leads to the host the client has asked
// for, or to the backend itself: own. -1 where it does not, or is relative.
func (b *back) pathOf(value []byte) (at int, own bool) {
	scheme := ""
	for _, known := range [...]string{"http", wordHTTPS} {
		if n := len(known); len(value) > n+1 && value[n] == ':' && wire.EqualFold(value[:n], known) {
			at, scheme = n+1, known
		}
	}
	rest := value[at:]
	if !bytes.HasPrefix(rest, []byte("//")) {
		if at > 0 || len(rest) == 0 || rest[0] != '/' {
			return -1, false
		}
		return 0, false
	}
	rest = rest[len("//"):]
	n := bytes.IndexAny(rest, "/?#\\")
	if n < 0 {
		n = len(rest)
	}
	at += len("//") + n
	switch {
	case bytes.EqualFold(rest[:n], b.host):
		return at, false
	case (n == len(rest) || rest[n] != '\\') && b.isBackend(scheme, rest[:n]):
		return at, true
	}
	return -1, false
}

// isBackend reports that an authority is that of the backend, by the scheme that it was asked
// by: one that sends its clients from http to https would send them in circles.
func (b *back) isBackend(scheme string, authority []byte) bool {
	if len(authority) == 0 || scheme != "" && scheme != b.scheme {
		return false
	}
	authority = bytes.TrimSuffix(authority, b.port)
	for _, name := range b.names {
		if bytes.EqualFold(authority, bytes.TrimSuffix(name, b.port)) {
			return true
		}
	}
	return false
}

// cookie leads the Path of a cookie back. Names that begin with __Host- have to have /.
func (b *back) cookie(dst []byte, k cookie) []byte {
	path, there := k.attribute("path")
	all := len(path) == 1 // everything of the backend: all that is below the prefix
	if !there || len(path) == 0 || path[0] != '/' || k.isOfHost() || !all && !b.isBelow(path) {
		return append(dst, k.line...)
	}
	dst = append(append(k.without(dst, "path"), "; Path="...), b.prefix...)
	if !all {
		dst = append(dst, bytes.TrimSuffix(path[len(b.added):], root)...)
	}
	if dst[len(dst)-1] == '=' {
		dst = append(dst, '/')
	}
	return dst
}

// refreshTarget is where the reference of a Refresh begins, as browsers read it; -1 without.
func refreshTarget(value []byte) int {
	at := bytes.IndexAny(value, ";,")
	if at < 0 {
		return -1
	}
	at = pastSpaces(value, at+1)
	if len(value) > at+len("url") && wire.EqualFold(value[at:at+len("url")], "url") {
		if n := pastSpaces(value, at+len("url")); n < len(value) && value[n] == '=' {
			at = pastSpaces(value, n+1)
		}
	}
	if at < len(value) && (value[at] == '"' || value[at] == '\'') {
		at++
	}
	if at >= len(value) {
		return -1
	}
	return at
}

// pastSpaces is where the spaces end that may stand at value[at:].
func pastSpaces(value []byte, at int) int {
	for at < len(value) && value[at] == ' ' {
		at++
	}
	return at
}
