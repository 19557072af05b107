package middleware

import (
	"maps"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// cookies changes the Set-Cookie fields of answers.
type cookies struct {
	taken map[string]bool // names of cookies that are removed, or set anew
	set   []ownCookie
	all   attributes
	host  attributes // of names that begin with __Host-, which have no other Path and no Domain
}

// attributes are those that cookies get in place of their own.
type attributes struct {
	names []string // lower case
	text  []byte   // with a semicolon in front of each
}

func (a *attributes) add(name, text string) {
	a.names = append(a.names, name)
	a.text = append(append(a.text, "; "...), text...)
}

// ownCookie is a cookie that is set.
type ownCookie struct {
	name  string
	value stage.Text
}

// newCookies makes the stage; where nothing is changed there is none.
func newCookies(k *config.StageCookies, _ *Place) (any, error) {
	s := &cookies{taken: map[string]bool{}}
	for _, name := range k.Remove {
		s.taken[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(k.Set)) {
		value, err := stage.NewAnswerText(k.Set[name])
		if err != nil {
			return nil, err
		}
		s.taken[name] = true
		s.set = append(s.set, ownCookie{name, value})
	}
	if k.Path != "" {
		s.all.add("path", "Path="+k.Path)
	}
	if k.Domain != "" {
		s.all.add("domain", "Domain="+k.Domain)
	}
	for _, to := range []*attributes{&s.all, &s.host} {
		if k.SameSite != "" {
			to.add("samesite", "SameSite="+strings.ToUpper(k.SameSite[:1])+k.SameSite[1:])
		}
		if k.Secure {
			to.add("secure", "Secure")
		}
	}
	if len(s.taken)+len(s.all.names) == 0 {
		return nil, nil //nolint:nilnil // no stage
	}
	return s, nil
}

// Response changes the cookies of the backend, and adds those that are set.
func (s *cookies) Response(c *stage.Call) stage.Verdict {
	c.Scratch = c.Scratch[:0]
	if c.Answer.Get(&setCookie) != nil {
		eachCookie(c, s.change)
	}
	for i := range s.set {
		c.Scratch = s.appendOwn(c.Scratch[:0], &s.set[i], c)
		c.Answer.Add(&setCookie, c.Scratch)
	}
	return stage.Next
}

func (s *cookies) change(dst []byte, k cookie) []byte {
	if s.taken[string(k.name)] {
		return dst
	}
	a := &s.all
	if k.isOfHost() {
		a = &s.host
	}
	if len(a.names) == 0 {
		return append(dst, k.line...)
	}
	return append(k.without(dst, a.names...), a.text...)
}

// appendOwn appends a cookie that is set. Browsers keep it for all paths, unless another one
// is configured.
func (s *cookies) appendOwn(dst []byte, o *ownCookie, c *stage.Call) []byte {
	dst = append(append(dst, o.name...), '=')
	dst = stage.Encode(o.value.Append(dst, c), len(o.name)+1, inCookie)
	k := cookie{name: dst[:len(o.name)]}
	switch {
	case k.isOfHost():
		return append(append(dst, "; Path=/"...), s.host.text...)
	case !slices.Contains(s.all.names, "path"):
		dst = append(dst, "; Path=/"...)
	}
	return append(dst, s.all.text...)
}
