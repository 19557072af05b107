package stage

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Text is a value with variables, compiled once. The zero value is the empty text. Any
// goroutine may use it.
type Text struct{ parts []part }

// part is a piece of text, or what stands in the place of a variable.
type part struct {
	text   string
	read   reader // nil for text
	name   Name   // of a field
	of     string // name of a cookie, parameter or claim
	group  int    // of a regular expression
	escape bool
}

// reader appends a value to dst.
type reader func(dst []byte, c *Call, p *part) []byte

// NewText compiles a value of the request phase, NewAnswerText one of an answer. The error
// says what is wrong.
func NewText(text string) (Text, error) { return newText(text, config.Vocabulary{}) }

// NewAnswerText is NewText for a value that may speak of the answer.
func NewAnswerText(text string) (Text, error) { return newText(text, config.Vocabulary{Answer: true}) }

// NewReplacement is NewAnswerText for what stands in place of a match of re: $1, ${1} and
// ${name} are its groups. See Call.Replace.
func NewReplacement(text string, re *regexp.Regexp) (Text, error) {
	return newText(text, config.Vocabulary{Answer: true, Groups: re.SubexpNames()})
}

func newText(text string, v config.Vocabulary) (t Text, err error) {
	for name := range registered {
		v.Registered = append(v.Registered, name)
	}
	parts, err := v.Parse(text)
	if err != nil {
		return Text{}, err
	}
	for _, from := range parts {
		p := part{text: from.Text, of: from.Name, escape: from.Escape}
		switch from.Variable {
		case "":
		case config.VariableGroup:
			p.read = appendGroup
			if p.group, err = strconv.Atoi(from.Name); err != nil {
				return Text{}, fmt.Errorf("group: %w", err)
			}
		default:
			if p.read = readerOf(from); p.read == nil {
				return Text{}, fmt.Errorf("{%s} is not known", from.Variable) //nolint:err113 // for people
			}
			p.name = NewName(from.Name)
		}
		t.parts = append(t.parts, p)
	}
	return t, nil
}

// appendGroup appends what a group of the match under way has taken.
func appendGroup(dst []byte, c *Call, p *part) []byte {
	m := c.match
	if 2*p.group+1 >= len(m) || m[2*p.group] < 0 {
		return dst
	}
	return append(dst, c.matched[m[2*p.group]:m[2*p.group+1]]...)
}

// ReplaceAll appends src to dst with every match of re replaced. It allocates where there
// is one.
func (c *Call) ReplaceAll(dst, src []byte, re *regexp.Regexp, with *Text) []byte {
	if !re.Match(src) {
		return append(dst, src...)
	}
	at := 0
	for _, m := range re.FindAllSubmatchIndex(src, -1) {
		dst = append(dst, src[at:m[0]]...)
		dst = c.expand(dst, src, m, with)
		at = m[1]
	}
	return append(dst, src[at:]...)
}

// Expand appends what with makes of the first match of re in src, and nothing else of src;
// false where there is none.
func (c *Call) Expand(dst, src []byte, re *regexp.Regexp, with *Text) ([]byte, bool) {
	if !re.Match(src) {
		return dst, false
	}
	return c.expand(dst, src, re.FindSubmatchIndex(src), with), true
}

// ExpandAt is Expand for a match that was found before: m is as FindSubmatchIndex returns it.
func (c *Call) ExpandAt(dst, src []byte, m []int, with *Text) []byte {
	return c.expand(dst, src, m, with)
}

func (c *Call) expand(dst, src []byte, m []int, with *Text) []byte {
	c.match, c.matched = m, src
	dst = with.Append(dst, c)
	c.match, c.matched = nil, nil
	return dst
}

// IsEmpty reports that it is nothing, whatever variables say.
func (t *Text) IsEmpty() bool { return len(t.parts) == 0 }

// Parts are the pieces, in their order: text, or the value of one variable.
func (t *Text) Parts() []Text {
	all := make([]Text, len(t.parts))
	for i := range t.parts {
		all[i].parts = t.parts[i : i+1]
	}
	return all
}

// Fixed is the text where it has no variables.
func (t *Text) Fixed() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].read == nil:
		return t.parts[0].text, true
	}
	return "", false
}

// Append appends the value. What variables bring may hold any byte that a field or a
// token may: see Fields and escape.
func (t *Text) Append(dst []byte, c *Call) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		if p.read == nil {
			dst = append(dst, p.text...)
			continue
		}
		start := len(dst)
		dst = p.read(dst, c, p)
		if p.escape {
			dst = Encode(dst, start, inName)
		}
	}
	return dst
}

// readers are the variables, by name; query. is one with a name behind it. It never
// changes once the program has begun to serve.
var readers = map[string]reader{
	"method":     func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Head.Method...) },
	"scheme":     func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Scheme()...) },
	"host":       func(dst []byte, c *Call, _ *part) []byte { return append(dst, wire.CutPort(c.Head.Host)...) },
	"port":       func(dst []byte, c *Call, _ *part) []byte { return strconv.AppendUint(dst, uint64(c.Port()), 10) },
	"path":       func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Head.Path...) },
	"query":      func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Head.Query...) },
	"uri":        func(dst []byte, c *Call, _ *part) []byte { return c.AppendURI(dst) },
	"url":        func(dst []byte, c *Call, _ *part) []byte { return c.AppendURL(dst) },
	"protocol":   func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Protocol()...) },
	"client_ip":  func(dst []byte, c *Call, _ *part) []byte { return appendAddr(dst, c.Client()) },
	"peer_ip":    func(dst []byte, c *Call, _ *part) []byte { return appendAddr(dst, c.Peer()) },
	"request_id": func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.RequestID()...) },
	"route":      func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Route()...) },
	"pool":       func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Pool()...) },
	"backend":    func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Backend()...) },
	"status":     func(dst []byte, c *Call, _ *part) []byte { return strconv.AppendInt(dst, int64(c.Status), 10) },
	"header":     func(dst []byte, c *Call, p *part) []byte { return append(dst, c.Field(&p.name)...) },
	"response.header": func(dst []byte, c *Call, p *part) []byte {
		return append(dst, c.Answer.Get(&p.name)...)
	},
	"cookie": func(dst []byte, c *Call, p *part) []byte {
		return append(dst, affinity.Cookie(&c.Head.Head, p.of)...)
	},
	"query.": func(dst []byte, c *Call, p *part) []byte {
		return append(dst, affinity.Parameter(c.Head.Query, p.of)...)
	},
	"claim":       func(dst []byte, c *Call, p *part) []byte { return append(dst, c.claim(p.of)...) },
	"tls.sni":     func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.ServerName()...) },
	"tls.subject": func(dst []byte, c *Call, _ *part) []byte { return append(dst, c.Subject()...) },
}

// readerOf is the reader of a variable, nil for what is none.
func readerOf(p config.Part) reader {
	if p.Variable == "query" && p.Name != "" {
		return readers["query."]
	}
	if r := readers[p.Variable]; r != nil {
		return r
	}
	if v := registered[p.Variable]; v != nil {
		return func(dst []byte, c *Call, _ *part) []byte { return v(dst, c) }
	}
	return nil
}

// registered are the variables of a program of the user's own.
var registered = map[string]Variable{}

// Variable appends the value of a variable to dst. It is called inside the event loop, of
// any core, and must not keep c.
type Variable func(dst []byte, c *Call) []byte

// RegisterVariable adds a variable, to be used as {name}. It must be called before a
// configuration is loaded; the names of the proxy's own cannot be taken.
func RegisterVariable(name string, v Variable) {
	if _, taken := readers[name]; taken || registered[name] != nil || v == nil {
		panic("cannot register variable " + strconv.Quote(name) + ": the name is taken, or there is no function")
	}
	registered[name] = v
}

// Registered are the names of the variables that were registered.
func Registered() (names []string) {
	for name := range registered {
		names = append(names, name)
	}
	return names
}

// Field is the value of a field of the request, as stages before have left it: Host too.
func (c *Call) Field(n *Name) []byte {
	if n.id == wire.FieldHost {
		return c.Head.Host
	}
	return c.Request.Get(n)
}

// claim is the value of a claim of the client's token.
func (c *Call) claim(name string) []byte {
	if c.Claims == nil {
		return nil
	}
	return c.Claims.Claim(name)
}

// AppendURI appends path and query as the client sent them.
func (c *Call) AppendURI(dst []byte) []byte {
	dst = append(dst, c.Head.Path...)
	if c.Head.Query != nil {
		dst = append(append(dst, '?'), c.Head.Query...)
	}
	return dst
}

// AppendURL appends the whole address that the client has asked for.
func (c *Call) AppendURL(dst []byte) []byte {
	dst = append(append(append(dst, c.Scheme()...), "://"...), c.Head.Host...)
	return c.AppendURI(dst)
}

// appendAddr appends an address; that of a unix socket has no text.
func appendAddr(dst []byte, ip netip.Addr) []byte {
	if !ip.IsValid() {
		return dst
	}
	return ip.AppendTo(dst)
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
