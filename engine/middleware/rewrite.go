package middleware

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// rewrite changes the path that a backend is sent. What it compares is normalised, so that
// no spelling of a path passes it by; what it leaves alone stays octet for octet.
type rewrite struct {
	strip segments
	told  []byte // what backends are told was taken off
	add   stage.Text
	added []byte // add, where it has no variables
	regex *regexp.Regexp
	with  stage.Text
	host  stage.Text
}

// badRewrite refuses a request that would become a path with dot segments, or none at all:
// a part of it that a client chooses must not lead out of where the rest of it lies.
var badRewrite = answer.New(http.StatusBadRequest, end.BadPath, "")

var errNotPlain = errors.New("is no path that stays as it is: it has dot segments, repeated slashes or escapes that are not allowed")

func newRewrite(k *config.StageRewrite, _ *Place) (any, error) {
	w := &rewrite{}
	var err error
	if w.strip, err = newSegments(k.StripPrefix); err != nil {
		return nil, fmt.Errorf("strip_prefix: %w", err)
	}
	w.told = encoded([]byte(w.strip.text), inPath)
	if w.add, w.added, err = newAdded(k.AddPrefix); err != nil {
		return nil, fmt.Errorf("add_prefix: %w", err)
	}
	if k.Regex != "" {
		if w.regex, err = regexp.Compile(k.Regex); err != nil {
			return nil, fmt.Errorf("regex: %w", err)
		}
		if w.with, err = stage.NewReplacement(k.With, w.regex); err != nil {
			return nil, fmt.Errorf("with: %w", err)
		}
	}
	if w.host, err = stage.NewText(k.Host); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if k.Answers {
		return &rewriteAnswers{w}, nil
	}
	return w, nil
}

// newAdded compiles what is put in front; the slash at its end is that of the path behind
// it.
func newAdded(text string) (add stage.Text, fixed []byte, err error) {
	if add, err = stage.NewText(text); err != nil {
		return add, nil, err
	}
	plain, isFixed := add.Fixed()
	if !isFixed {
		return add, nil, nil
	}
	fixed = bytes.TrimSuffix(encoded([]byte(plain), inPath), []byte("/"))
	if len(fixed) > 0 && !staysAsItIs(nil, fixed) {
		return add, nil, errNotPlain
	}
	return stage.Text{}, fixed, nil
}

// staysAsItIs reports that a path is valid and has no dot segments. room may be overwritten.
func staysAsItIs(room, path []byte) bool {
	_, forward, err := wire.NormalizePath(room, path)
	return err == nil && len(forward) == len(path)
}

// Request changes what the backend is sent.
func (w *rewrite) Request(c *stage.Call) stage.Verdict {
	w.takeOff(c)
	if !w.putBefore(c) || w.regex != nil && !w.replace(c) {
		return c.Refuse(badRewrite)
	}
	if !w.host.IsEmpty() {
		c.SetHost(&w.host)
	}
	return stage.Next
}

var root = []byte("/")

// takeOff takes the prefix off the path, and tells the backend. The slot is 1 then.
func (w *rewrite) takeOff(c *stage.Call) {
	if w.strip.text == "" {
		return
	}
	n := w.strip.front(c.Target)
	if n < 0 {
		return
	}
	*c.Slot() = 1
	if c.Target = c.Target[n:]; len(c.Target) == 0 {
		c.Target = root
	}
	w.tell(c)
}

// tell names the prefix in X-Forwarded-Prefix: behind one that a trusted peer, or a
// rewrite before, has taken off, as one path. What another stage has set stands.
func (w *rewrite) tell(c *stage.Call) {
	was := c.Request.Get(&forwardedPrefix)
	switch {
	case was == nil:
		c.AddPrefix(w.told)
		c.Request.Add(&forwardedPrefix, w.told)
		return
	case c.Prefix == nil && c.Request.Owns(forwardedPrefix.ID()):
		c.AddPrefix(w.told)
		return
	}
	if bytes.IndexByte(was, ',') >= 0 {
		c.Scratch = append(append(c.Scratch[:0], was...), ", "...)
	} else {
		c.Scratch = append(c.Scratch[:0], bytes.TrimSuffix(was, root)...)
	}
	c.Scratch = append(c.Scratch, w.told...)
	c.Request.Set(&forwardedPrefix, c.Scratch)
	c.AddPrefix(w.told)
}

// putBefore puts add_prefix in front of the path; false where that is none then.
func (w *rewrite) putBefore(c *stage.Call) bool {
	if len(w.added) > 0 {
		c.Scratch = append(append(c.Scratch[:0], w.added...), c.Target...)
		c.SetTarget(c.Scratch)
		return true
	}
	if w.add.IsEmpty() {
		return true
	}
	c.Scratch = append(w.appendAdded(c.Scratch[:0], c), c.Target...)
	c.SetTarget(c.Scratch)
	return staysAsItIs(c.Scratch, c.Target)
}

// appendAdded appends what is put in front, as variables have it.
func (w *rewrite) appendAdded(dst []byte, c *stage.Call) []byte {
	if w.add.IsEmpty() {
		return append(dst, w.added...)
	}
	start := len(dst)
	dst = stage.Encode(w.add.Append(dst, c), start, inPath)
	if n := len(dst); n > start && dst[n-1] == '/' {
		return dst[:n-1]
	}
	return dst
}

// replace makes another path, and maybe query, of one that the expression matches; false
// where that is none. It allocates then.
func (w *rewrite) replace(c *stage.Call) bool {
	var m []int
	if bytes.Equal(c.Target, c.Path) {
		if !w.regex.Match(c.Target) {
			return true
		}
		m = w.regex.FindSubmatchIndex(c.Target)
	} else {
		path, at := spelling(c.Target)
		if m = w.regex.FindSubmatchIndex(path); m == nil {
			return true
		}
		for i, k := range m {
			if k >= 0 {
				m[i] = at[k]
			}
		}
	}
	c.Scratch = stage.Encode(c.ExpandAt(c.Scratch[:0], c.Target, m, &w.with), 0, inQuery)
	path, query, asked := bytes.Cut(c.Scratch, []byte("?"))
	if asked {
		if len(query) == 0 { // a ? at the end alone takes the query off
			query = nil
		}
		c.SetQuery(query)
	}
	c.SetTarget(path)
	return staysAsItIs(nil, c.Target)
}
