package middleware

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/apikey"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// credential is where clients show what they may be let in for.
type credential struct {
	kind   string // header, query or cookie
	name   stage.Name
	of     string
	bearer bool // the word Bearer stands in front
}

// newCredential compiles header:NAME, query:NAME or cookie:NAME.
func newCredential(in string) credential {
	kind, name, _ := strings.Cut(in, ":")
	w := credential{kind: kind, name: stage.NewName(name).Spelled(), of: name}
	w.bearer = kind == "header" && w.name.ID() == wire.FieldAuthorization
	return w
}

// find is what the client shows, nil for nothing. Of two fields or parameters with one
// name the backend might mean the other one: several is set, and nothing is to be
// believed. Of cookies all take the first one, which is for the longest path.
func (w *credential) find(c *stage.Call) (shown []byte, several bool) {
	switch w.kind {
	case "query":
		return onlyParameter(c.Head.Query, w.of)
	case "cookie":
		return affinity.Cookie(&c.Head.Head, w.of), false
	}
	shown, several = onlyField(c, &w.name)
	if w.bearer {
		shown = apikey.Bare(shown)
	}
	return shown, several
}

// onlyParameter is the value of a parameter that must not be there twice, nor in another
// spelling.
func onlyParameter(query []byte, name string) (value []byte, several bool) {
	for len(query) > 0 {
		var one []byte
		one, query, _ = bytes.Cut(query, []byte{'&'})
		found, text, _ := bytes.Cut(one, []byte{'='})
		switch {
		case !isParameter(found, name):
			continue
		case value != nil, string(found) != name:
			return nil, true
		}
		value = text
		if value == nil {
			value = []byte{}
		}
	}
	return value, false
}

// isParameter reports that a backend may take a parameter for the one of that name: octets
// of it may be percent-encoded.
func isParameter(found []byte, name string) bool {
	if bytes.IndexByte(found, '%') < 0 {
		return string(found) == name
	}
	plain, err := url.QueryUnescape(string(found))
	return err == nil && plain == name
}

// onlyField is the value of a field that must not be there twice.
func onlyField(c *stage.Call, n *stage.Name) (value []byte, several bool) {
	c.Request.Each(n, func(each []byte) bool {
		several = value != nil
		value = each
		return !several
	})
	return value, several
}

var (
	authorization = stage.NewName("Authorization")
	authenticate  = stage.NewName("WWW-Authenticate")
)

// refusal is an answer with what would be let in.
type refusal struct {
	reject    *answer.Reject
	challenge []byte // nil for none
}

func (r *refusal) answer(c *stage.Call) stage.Verdict {
	if r.challenge != nil {
		c.Answer.Set(&authenticate, r.challenge)
	}
	return c.Refuse(r.reject)
}

// toldField is a field that tells backends what a stage has found out. What clients send
// in it is removed, however it is spelled. The zero value is none.
type toldField struct {
	name stage.Name
	is   bool
}

func newToldField(name string) toldField {
	return toldField{name: stage.NewName(name).Spelled(), is: name != ""}
}

// set tells value; nil tells nothing.
func (f *toldField) set(c *stage.Call, value []byte) {
	switch {
	case !f.is:
	case value == nil:
		c.Request.Remove(&f.name)
	default:
		c.Request.Set(&f.name, value)
	}
}
