package middleware

import (
	"bytes"
	"slices"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// rewriteAnswers is a rewrite that also makes answers speak of the paths that clients know:
// what was put in front is taken off, and what was taken off is put in front. A path that is
// not below what was put in front is none of a client's, and stays.
type rewriteAnswers struct{ *rewrite }

var (
	refresh   = stage.NewName("Refresh")
	setCookie = stage.NewName("Set-Cookie")
)

// Response changes Location, Refresh and the Path of cookies.
func (w *rewriteAnswers) Response(c *stage.Call) stage.Verdict {
	if *c.Slot() == 0 || c.Own {
		return stage.Next // nothing was taken off, or the proxy itself speaks, who knows what clients know
	}
	c.Scratch = w.appendAdded(c.Scratch[:0], c)
	b := back{host: c.Head.Host, added: slices.Clip(c.Scratch), prefix: w.told}
	if value := c.Answer.Get(&location); value != nil {
		c.Scratch = b.reference(c.Scratch[:len(b.added)], value)
		c.Answer.Set(&location, c.Scratch[len(b.added):])
	}
	if value := c.Answer.Get(&refresh); value != nil {
		if at := refreshTarget(value); at >= 0 {
			c.Scratch = append(c.Scratch[:len(b.added)], value[:at]...)
			c.Scratch = b.reference(c.Scratch, value[at:])
			c.Answer.Set(&refresh, c.Scratch[len(b.added):])
		}
	}
	if c.Answer.Get(&setCookie) != nil {
		c.Scratch = c.Scratch[:len(b.added)]
		eachCookie(c, b.cookie)
	}
	return stage.Next
}

// back leads paths of a backend back to those of clients.
type back struct {
	host   []byte // that the client has asked for
	added  []byte // in front of what the backend was sent
	prefix []byte // that was taken off
}

// reference appends a reference of the backend as clients know it: one that names another
// host, or is relative to where it is found, stays.
func (b *back) reference(dst, value []byte) []byte {
	at := b.pathOf(value)
	if at < 0 {
		return append(dst, value...)
	}
	return b.path(append(dst, value[:at]...), value[at:])
}

// path appends a path of the backend, with what stands behind it, as clients know it.
func (b *back) path(dst, path []byte) []byte {
	if !b.isBelow(path) {
		return append(dst, path...)
	}
	return append(append(dst, b.prefix...), path[len(b.added):]...)
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
// for; -1 where it does not, or is relative.
func (b *back) pathOf(value []byte) int {
	at := 0
	for _, scheme := range [...]string{"http:", "https:"} {
		if len(value) > len(scheme) && wire.EqualFold(value[:len(scheme)], scheme) {
			at = len(scheme)
		}
	}
	rest := value[at:]
	if !bytes.HasPrefix(rest, []byte("//")) {
		if at > 0 || len(rest) == 0 || rest[0] != '/' {
			return -1
		}
		return 0
	}
	rest = rest[len("//"):]
	n := bytes.IndexAny(rest, "/?#\\")
	if n < 0 {
		n = len(rest)
	}
	if !bytes.EqualFold(rest[:n], b.host) {
		return -1
	}
	return at + len("//") + n
}

// cookie leads the Path of a cookie back. Names that begin with __Host- have to have /.
func (b *back) cookie(dst []byte, k cookie) []byte {
	path, there := k.attribute("path")
	all := len(path) == 1 // everything of the backend: all that is below the prefix
	if !there || len(path) == 0 || path[0] != '/' || k.isOfHost() || !all && !b.isBelow(path) {
		return append(dst, k.line...)
	}
	dst = append(append(k.without(dst, "path"), "; Path="...), b.prefix...)
	if all {
		return dst
	}
	return append(dst, bytes.TrimSuffix(path[len(b.added):], root)...)
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
