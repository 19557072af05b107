package middleware

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// Destination is where a redirect leads, compiled: a reference in which nothing that a client
// chooses can name another host than the text or the client's own Host does, and that is one
// line of the characters of a URI, whatever a value holds. It never changes; any goroutine may
// use it.
type Destination struct {
	parts     []destinationPart
	outward   bool // the text itself begins with //
	needsHost bool
}

// destinationPart is a piece of text, or what stands in the place of a variable.
type destinationPart struct {
	text  string
	value stage.Text
	name  string // of the variable
	group int
	inner bool // text that belongs to the same authority follows
}

var errAnyHost = errors.New("leads to a host that any client may choose")

// NewDestination compiles the location of a redirect, which may name the groups of re where
// that is not nil. The error says what is wrong in words that fit behind the key.
func NewDestination(to string, re *regexp.Regexp) (d *Destination, err error) {
	v := config.Vocabulary{Registered: stage.Registered()}
	var whole stage.Text
	if re == nil {
		whole, err = stage.NewText(to)
	} else {
		v.Groups = re.SubexpNames()
		whole, err = stage.NewReplacement(to, re)
	}
	if err != nil {
		return nil, err
	}
	parts, err := v.Parse(to)
	if err != nil {
		return nil, err
	}
	d = &Destination{outward: strings.HasPrefix(to, "//")}
	before := ""
	for i, value := range whole.Parts() {
		p := destinationPart{text: string(encoded([]byte(parts[i].Text), inURI)), name: parts[i].Variable, value: value}
		p.group, _ = strconv.Atoi(parts[i].Name) // of a group, else it is not looked at
		if i+1 < len(parts) && p.text == "" {
			next := parts[i+1].Text
			p.inner = next != "" && next[0] != ':' && !endsAuthority(next[0])
		}
		ours := p.name == "" || p.name == config.VariableGroup || p.isOfHost(nil, nil)
		if !ours && !p.inner && openAuthority([]byte(before)) == open {
			return nil, errAnyHost
		}
		before += parts[i].Text + parts[i].Variable
		d.needsHost = d.needsHost || p.name == "host" || p.name == "url"
		d.parts = append(d.parts, p)
	}
	return d, nil
}

// Append appends the location that a request leads to. It allocates only to enlarge dst.
func (d *Destination) Append(dst []byte, c *stage.Call) []byte { return d.append(dst, c, nil) }

// append is Append for a request whose URL dst holds and m is the match in, nil without.
func (d *Destination) append(dst []byte, c *stage.Call, m []int) []byte {
	start := len(dst)
	for i := range d.parts {
		p := &d.parts[i]
		if p.text != "" {
			dst = append(dst, p.text...)
			continue
		}
		dst = p.append(dst, start, c, m)
	}
	if !d.outward && bytes.HasPrefix(dst[start:], []byte("//")) {
		// A client would take what follows for another host (RFC 3986 section 4.2); /.//x is
		// the path //x.
		dst = slices.Insert(dst, start, '/', '.')
	}
	return dst
}

// append appends a value. One that a client chooses ends an authority that stands before it,
// or where that goes on behind it, is no more than a label of it.
func (p *destinationPart) append(dst []byte, start int, c *stage.Call, m []int) []byte {
	at := len(dst)
	dst = stage.Encode(c.ExpandAt(dst, dst[:start], m, &p.value), at, inURI)
	if len(dst) == at || p.isOfHost(dst[:start], m) {
		return dst
	}
	switch name := openAuthority(dst[start:at]); {
	case name == notOpen:
	case p.inner:
		return stage.Encode(dst, at, inLabel)
	case name == named && !endsAuthority(dst[at]):
		return slices.Insert(dst, at, '/')
	}
	return dst
}

// isOfHost reports a value that is a part of what the client has asked for as host.
func (p *destinationPart) isOfHost(url []byte, m []int) bool {
	switch p.name {
	case "scheme", "host", "port", "url":
		return true
	case config.VariableGroup:
		return 2*p.group < len(m) && m[2*p.group] < pathStart(url)
	}
	return false
}

// pathStart is where the path of an absolute URL begins.
func pathStart(url []byte) int {
	at := bytes.Index(url, []byte("://")) + len("://")
	if i := bytes.IndexByte(url[at:], '/'); i >= 0 {
		return at + i
	}
	return len(url)
}

// naming says whether a reference that is not whole yet ends in its authority.
type naming uint8

const (
	notOpen naming = iota
	open           // and nothing of it is there
	named
)

func openAuthority(text []byte) naming {
	at := 0
	if !bytes.HasPrefix(text, []byte("//")) {
		if at = bytes.IndexByte(text, ':') + 1; at == 0 || bytes.IndexByte(text[:at], '/') >= 0 || !bytes.HasPrefix(text[at:], []byte("//")) {
			return notOpen
		}
	}
	text = text[at+len("//"):]
	if slices.ContainsFunc(text, endsAuthority) {
		return notOpen
	}
	if len(text) == 0 {
		return open
	}
	return named
}

func endsAuthority(b byte) bool { return b == '/' || b == '?' || b == '#' }
