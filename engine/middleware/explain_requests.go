package middleware

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/engine/auth/passwd"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Stages whose Request only looks at the request, and changes it, explain themselves by it.

func (f *ipFilter) explain(c *stage.Call) said {
	if v := f.Request(c); v != stage.Next {
		return said{v: v, text: fmt.Sprintf("client %s may not pass: answers %s", addrText(c), replyText(c))}
	}
	return goesOn(fmt.Sprintf("client %s may pass", addrText(c)))
}

func addrText(c *stage.Call) string { return string(appendAddr(nil, c.Client())) }

func (m *maintenance) explain(c *stage.Call) said {
	if v := m.Request(c); v != stage.Next {
		return said{v: v, text: "answers " + replyText(c)}
	}
	return goesOn(fmt.Sprintf("client %s is one that may pass", addrText(c)))
}

func (s *basicAuth) explain(c *stage.Call) said {
	value, several := onlyField(c, &authorization)
	var room passwd.Room
	name, _, ok := passwd.Credentials(value, &room)
	if several || !ok {
		v := s.refuse.answer(c)
		return said{v: v, text: "there is no name and password: answers " + replyText(c)}
	}
	text := fmt.Sprintf("the password of %q is compared with its hash, which is not done here", name)
	if !s.forward {
		c.Request.Remove(&authorization)
	}
	return undecided(text)
}

func (s *apiKey) explain(c *stage.Call) said {
	if v := s.Request(c); v != stage.Next {
		return said{v: v, text: fmt.Sprintf("there is no known key in %s:%s: answers %s", s.in.kind, s.in.of, replyText(c))}
	}
	return goesOn("the key is that of " + c.KeyName)
}

func (s *jwt) explain(c *stage.Call) said {
	shown, several := s.in.find(c)
	if several || len(shown) == 0 {
		if v := s.Request(c); v != stage.Next {
			return said{v: v, text: "there is no token: answers " + replyText(c)}
		}
		return goesOn("there is no token, and none is needed")
	}
	t, why, more := s.verifier.Look(shown, time.Now().UnixNano())
	switch {
	case t != nil:
		c.Claims = t
		s.tell(c, t)
		return goesOn("the token is good")
	case more:
		return undecided(fmt.Sprintf("the keys that are there do not make the token good (%v): they would be fetched", why))
	}
	v := s.refusals[why].answer(c)
	return said{v: v, text: fmt.Sprintf("the token is refused (%v): answers %s", why, replyText(c))}
}

func (f *forwardAuth) explain(c *stage.Call) said {
	if !f.fixed && !f.isPlain(c) {
		v := c.Refuse(badRewrite)
		return said{v: v, text: "the request does not fit into its url: answers " + replyText(c)}
	}
	c.Scratch = stage.Encode(f.url.Append(c.Scratch[:0], c), 0, inTarget)
	text := "asks " + shownURL(string(c.Scratch)) + ", which is not done here"
	if f.open {
		return undecided(text + "; where that does not answer the request passes")
	}
	return undecided(text + "; where that does not answer neither does the request pass")
}

// shownURL is an address without what may be a credential: user, password and query.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "its service"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func (h *handlerStage) explain(*stage.Call) said {
	return undecided("runs code of the program's own, which is not done here")
}

func (o *cors) explain(c *stage.Call) said {
	if v := o.Request(c); v != stage.Next {
		if c.Answer.Get(&allowOrigin) == nil {
			return said{v: v, text: "answers the preflight with " + replyText(c) + ", and does not allow the origin"}
		}
		return said{v: v, text: "answers the preflight with " + replyText(c) + ", and allows the origin"}
	}
	if !c.Head.Has(wire.FieldOrigin) {
		return goesOn("the request names no origin")
	}
	return goesOn("says in the answer whether its origin may read it")
}

func (r *redirect) explain(c *stage.Call) said {
	v := r.Request(c)
	if v == stage.Next {
		return said{v: v, text: "it has no other location for this request"}
	}
	if to := c.Answer.Get(&location); to != nil && c.Reply.Reject == nil {
		return said{v: v, text: fmt.Sprintf("answers %s with Location: %s", replyText(c), to)}
	}
	return said{v: v, text: "answers " + replyText(c)}
}

func (w *rewrite) explain(c *stage.Call) said {
	before, query := bytes.Clone(c.Target), bytes.Clone(c.Query)
	if v := w.Request(c); v != stage.Next {
		return said{v: v, text: "makes no path of it that may be sent: answers " + replyText(c)}
	}
	var parts []string
	if !bytes.Equal(before, c.Target) {
		parts = append(parts, fmt.Sprintf("path %s becomes %s", before, c.Target))
	}
	if !bytes.Equal(query, c.Query) {
		parts = append(parts, fmt.Sprintf("the query becomes %q", c.Query))
	}
	if c.Host != nil {
		parts = append(parts, fmt.Sprintf("the host becomes %s", c.Host))
	}
	if len(parts) == 0 {
		return goesOn("leaves the path as it is")
	}
	return goesOn(strings.Join(parts, ", "))
}

func (h *requestHeaders) explain(c *stage.Call) said {
	return (*headers)(h).explain(c)
}

func (h *headers) explain(c *stage.Call) said {
	v := h.Request(c)
	var parts []string
	if len(h.request) > 0 {
		parts = append(parts, "of the request "+listed(h.request))
	}
	if len(h.response) > 0 {
		parts = append(parts, "of answers "+listed(h.response))
	}
	for _, f := range []struct {
		is   bool
		name string
	}{{h.forwarded.port, "X-Forwarded-Port"}, {h.forwarded.prefix, "X-Forwarded-Prefix"}, {h.forwarded.realIP, "X-Real-IP"}} {
		if f.is {
			parts = append(parts, "adds "+f.name)
		}
	}
	if len(parts) == 0 {
		return said{v: v, text: "changes nothing"}
	}
	return said{v: v, text: strings.Join(parts, "; ")}
}

// changeWords are what rules do, by change.
var changeWords = [...]string{
	changeRemove: "removes", changeReplace: "replaces in", changeDefault: "sets where absent", changeSet: "sets",
	changeAdd: "adds", changeHost: "sets", replaceHost: "replaces in",
}

// listed names the fields that rules change, and how. Values are not shown: one may be a
// credential.
func listed(rules []rule) string {
	var parts []string
	for i := range rules {
		word, name := changeWords[rules[i].how], rules[i].name.String()
		if i > 0 && rules[i-1].how == rules[i].how {
			parts[len(parts)-1] += ", " + name
			continue
		}
		parts = append(parts, word+" "+name)
	}
	return strings.Join(parts, ", ")
}

func (r *requestIDs) explain(c *stage.Call) said {
	kept := r.sent(c) != nil
	v := r.Request(c)
	if kept {
		return said{v: v, text: fmt.Sprintf("keeps the id %s in %s", c.ID, r.header.String())}
	}
	return said{v: v, text: "gives it a new id in " + r.header.String()}
}

func (s *compress) explain(c *stage.Call) said {
	v := s.Request(c)
	return said{v: v, text: "compresses the answer where the client takes that and it is worth it"}
}
