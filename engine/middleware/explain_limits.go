package middleware

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// What limits, and what is left to chance, has an explanation of its own here: the stages
// themselves would take a token or a place, and count.

// keyText is a key as people may see it.
func keyText(k *stage.Key, c *stage.Call) string {
	if k.IsWithheld() {
		return "(not shown: it may be a credential)"
	}
	c.Scratch = k.AppendText(c.Scratch[:0], c)
	return string(c.Scratch)
}

func (l *rateLimit) explain(c *stage.Call) said {
	asks, texts := make([]rate.Ask, len(l.keyOf)), make([]string, len(l.keys))
	hashes := make([]rate.Key, len(l.keys))
	for k := range l.keys {
		c.Scratch, _ = l.keys[k].Append(c.Scratch[:0], c)
		hashes[k] = rate.KeyBytes(c.Scratch)
		texts[k] = keyText(&l.keys[k], c)
	}
	for i, k := range l.keyOf {
		asks[i].Key, asks[i].Limit = hashes[k], i
	}
	r := l.table.Peek(c.NowNanos, asks)
	says := make([]string, len(asks))
	for i := range asks {
		limit := &l.table.Limits()[i]
		says[i] = fmt.Sprintf("limit %s: key %s", limit.Name, texts[l.keyOf[i]])
		if l.store == nil {
			says[i] += fmt.Sprintf(" has %d of %d left", asks[i].Remaining(), limit.Burst)
		}
	}
	text := strings.Join(says, "; ")
	switch {
	case l.store != nil:
		return undecided(text + "; a store that is shared with others counts, and is not asked")
	case !r.Allowed && l.dryRun:
		return goesOn(text + "; it would refuse, and does not because of dry_run")
	case !r.Allowed:
		v := c.Refuse(l.reject)
		return said{v: v, text: text + fmt.Sprintf("; refuses with %s, for %s more", replyText(c), rounded(r.RetryAfter))}
	case r.Wait > 0:
		return goesOn(text + fmt.Sprintf("; has it wait for %s", rounded(r.Wait)))
	}
	return goesOn(text)
}

// rounded is a time for people.
func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

func (l *concurrencyLimit) explain(c *stage.Call) said {
	c.Scratch, _ = l.key.Append(c.Scratch[:0], c)
	n := l.table.Count(uint64(rate.KeyBytes(c.Scratch)))
	text := fmt.Sprintf("key %s has %d of %d requests in progress", keyText(&l.key, c), n, l.most)
	switch {
	case n < l.most:
		return goesOn(text)
	case l.dryRun:
		return goesOn(text + "; it would refuse, and does not because of dry_run")
	}
	v := c.Refuse(l.reject)
	return said{v: v, text: text + "; refuses with " + replyText(c)}
}

func (l *bandwidthLimit) explain(c *stage.Call) said {
	var parts []string
	if l.request > 0 {
		parts = append(parts, fmt.Sprintf("the request's content passes at %d bytes a second", l.request))
	}
	if l.response > 0 {
		parts = append(parts, fmt.Sprintf("the answer's content passes at %d bytes a second", l.response))
	}
	if len(parts) == 0 {
		parts = append(parts, "bounds nothing")
	} else if l.shared {
		parts = append(parts, "together with all of key "+keyText(&l.key, c))
	}
	return goesOn(strings.Join(parts, ", "))
}

func (f *fault) explain(c *stage.Call) said {
	what := f.harm()
	if f.key == nil && !f.all && f.below > 0 {
		return undecided(fmt.Sprintf("%s of the requests, drawn by chance: %s", percentText(f.below, f.all), what))
	}
	switch {
	case !f.hits(c):
		return goesOn("spares this request")
	case f.reset:
		return said{v: c.Break(end.FaultInjected), text: what}
	case f.abort != nil:
		return said{v: c.Refuse(f.abort), text: what}
	}
	return goesOn(what)
}

// harm is what becomes of a request that is hit.
func (f *fault) harm() string {
	var parts []string
	if f.delay > 0 {
		parts = append(parts, fmt.Sprintf("delays it by %s", f.delay))
	}
	switch {
	case f.reset:
		parts = append(parts, "resets the connection")
	case f.abort != nil:
		parts = append(parts, fmt.Sprintf("answers %d", f.abort.Status))
	}
	if len(parts) == 0 {
		return "does nothing"
	}
	return strings.Join(parts, ", then ")
}

func (m *mirror) explain(c *stage.Call) said {
	text := fmt.Sprintf("%s of the requests are copied to pool %s", percentText(m.below, m.all), m.to.Pool)
	if m.all {
		c.Mirror = &m.to
	}
	return goesOn(text)
}

func (a *sessionAffinity) explain(c *stage.Call) said {
	session := a.known.session(c.Request.Get(&a.name))
	if session == 0 {
		return goesOn("the request names no session: it is balanced as any other")
	}
	backend := a.known.peek(session, c.NowNanos)
	if backend == "" {
		return goesOn("nobody is known to have issued its session: it is balanced as any other")
	}
	c.Place = backend
	return goesOn("its session was issued by backend " + backend)
}

// peek is find for those who only ask: a session is not seen by that.
func (s *sessions) peek(session uint64, nowNanos int64) string {
	set, now := s.set(session), secondsOf(nowNanos)
	for i := range set.words {
		if word := set.words[i].Load(); sameTag(word, session) {
			if s.isOver(set.seen[i].Load(), now) {
				return ""
			}
			return (*s.names.Load())[word&sessionPlacesMax]
		}
	}
	return ""
}

func (d *deny) explain(c *stage.Call) said {
	text := ""
	if d.tarpit > 0 {
		text = fmt.Sprintf("lets it wait for %s, then ", d.tarpit)
	}
	if d.close {
		return said{v: c.Break(end.Denied), text: text + "closes the connection"}
	}
	v := d.page.answer(c)
	return said{v: v, text: text + "answers " + replyText(c)}
}

func (t timeout) explain(c *stage.Call) said {
	v := t.Request(c)
	if t == 0 {
		return said{v: v, text: "takes the route's timeout away"}
	}
	return said{v: v, text: fmt.Sprintf("the answer has to begin within %s", time.Duration(t))}
}

func (l bufferLimit) explain(c *stage.Call) said {
	v := l.Request(c)
	if l == 0 {
		return said{v: v, text: "the content may have any length"}
	}
	return said{v: v, text: fmt.Sprintf("the content may have %d bytes, else the answer is %d", int64(l), http.StatusRequestEntityTooLarge)}
}

func (b *buffer) explain(c *stage.Call) said {
	if v := b.Request(c); c.Hold == 0 {
		return said{v: v, text: "lets the content pass as it comes"}
	}
	return goesOn(fmt.Sprintf("holds the whole content, of up to %d bytes, before a backend is asked", b.bytesMax))
}
