package match

import (
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Failure is the first question of predicates to which a request has another answer than
// they ask for. It is for people.
type Failure struct {
	// Predicate is the key of it, such as "methods" or "headers.x-env".
	Predicate string
	// Value is what the request has; empty where it has nothing.
	Value string
	// Reason says both in words.
	Reason string
}

// Failure is why predicates do not hold for a request, the zero value where they hold. It
// allocates.
func (p *Predicates) Failure(q *Request) Failure {
	failed, which := p.failed(q)
	switch failed {
	case byHost:
		return Failure{"hosts", string(q.Host), fmt.Sprintf("host %q is none of %s", q.Host, &p.hosts)}
	case byPath:
		return Failure{p.pathKey(), string(q.Path), fmt.Sprintf("path %q is not %s", q.Path, p.pathText())}
	case byMethod:
		return Failure{"methods", string(q.Method), fmt.Sprintf("method %q is not one of %s", q.Method, strings.Join(p.methods, ", "))}
	case byClient:
		return p.clientFailure(q)
	case byProtocol:
		return protocolFailure(q, p.protocol)
	case byServerName:
		return p.nameFailure(q)
	case byHeader:
		v := &p.headers[which]
		return v.failure("headers", "header", fieldsOf(q, v.name))
	case byParam:
		v := &p.params[which]
		return v.failure("query", "query parameter", paramsOf(q, v.name))
	case none:
	}
	return Failure{}
}

func (p *Predicates) pathKey() string {
	switch {
	case p.path != "":
		return "path"
	case p.prefix != "":
		return "path_prefix"
	}
	return "path_regex"
}

func (p *Predicates) pathText() string {
	switch {
	case p.path != "":
		return p.path
	case p.prefix != "":
		return strings.TrimSuffix(p.prefix, "/") + "/*"
	}
	return "~" + p.pathRE.String()
}

func (p *Predicates) clientFailure(q *Request) Failure {
	f := Failure{Predicate: "client_ips", Reason: "the client has no address"}
	if q.Facts != nil && q.Facts.Client().IsValid() {
		f.Value = q.Facts.Client().String()
		f.Reason = fmt.Sprintf("client %s is in none of %s", f.Value, joined(p.clients))
	}
	return f
}

func (p *Predicates) nameFailure(q *Request) Failure {
	f := Failure{Predicate: "sni", Reason: "no name was asked for in a TLS handshake"}
	if q.Facts != nil && q.Facts.ServerName() != "" {
		f.Value = q.Facts.ServerName()
		f.Reason = fmt.Sprintf("TLS server name %q is none of %s", f.Value, joined(p.names))
	}
	return f
}

func protocolFailure(q *Request, asked Protocols) Failure {
	var has Protocols
	if q.Facts != nil {
		has = q.Facts.Protocols()
	}
	return Failure{"protocol", has.String(), fmt.Sprintf("it comes as %s, not as %s", has, asked)}
}

// protocolWords are the words of the configuration, in the order of their bits.
var protocolWords = [...]string{"http1", "h2", "h3", "grpc", "websocket"}

// String is the words of the configuration, with commas between.
func (s Protocols) String() string {
	var words []string
	for i, word := range protocolWords {
		if s>>i&1 != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// String is the list as people write it.
func (h *hosts) String() string {
	texts := make([]string, 0, len(h.patterns)+len(h.re))
	for _, p := range h.patterns {
		texts = append(texts, p.String())
	}
	for _, re := range h.re {
		texts = append(texts, "~"+re.String())
	}
	return strings.Join(texts, ", ")
}

func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

// valuesMax bounds the values of one name that a failure shows.
const valuesMax = 4

// failure says what a field or a parameter has to be like, and which values there are.
func (v *value) failure(section, what string, found []string) Failure {
	f := Failure{Predicate: section + "." + v.name, Value: strings.Join(found, ", ")}
	switch what += " " + v.name; {
	case v.absent:
		f.Reason = fmt.Sprintf("there is a %s: %q", what, f.Value)
	case len(found) == 0:
		f.Reason = "there is no " + what
	case v.re != nil:
		f.Reason = fmt.Sprintf("%s is %q, which does not match %q", what, f.Value, v.re)
	default:
		f.Reason = fmt.Sprintf("%s is %q, not %q", what, f.Value, v.is)
	}
	return f
}

// fieldsOf are values of the fields of a name.
func fieldsOf(q *Request, name string) (found []string) {
	if q.Facts == nil {
		return nil
	}
	for field, text, at := q.Facts.NextField(0); at >= 0 && len(found) < valuesMax; field, text, at = q.Facts.NextField(at) {
		if wire.EqualFold(field, name) {
			found = append(found, string(text))
		}
	}
	return found
}

// paramsOf are values of the parameters of a name, decoded.
func paramsOf(q *Request, name string) (found []string) {
	for pair := range strings.SplitSeq(string(q.RawQuery), "&") {
		key, text, _ := strings.Cut(pair, "=")
		if pair != "" && len(found) < valuesMax && isDecoded([]byte(key), name) {
			found = append(found, string(appendDecoded(nil, []byte(text))))
		}
	}
	return found
}

// Reason says why none of the clauses holds for a request, "" where one does. It allocates.
func (o *Condition) Reason(q *Request) string {
	switch n := len(o.clauses); {
	case n == 0:
		return "it has no section"
	case o.Holds(q):
		return ""
	case n == 1:
		return o.clauses[0].reason(q)
	default:
		return fmt.Sprintf("none of its %d sections holds; of the first one %s", n, o.clauses[0].reason(q))
	}
}

// reason is for a clause that does not hold.
func (c *clause) reason(q *Request) string {
	if f := c.is.Failure(q); f.Reason != "" {
		return f.Reason
	}
	return fmt.Sprintf("section %d of its not holds", Any(c.not, q)+1)
}
