package token

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// BytesMax is the longest token that is looked at.
const BytesMax = 8 << 10

// envelope is a token taken apart. Its parts are of the room it was opened in, and of
// the token.
type envelope struct {
	signed    []byte // the first two parts, as they stand in the token
	signature []byte
	algorithm string // the name
	id        []byte // kid; empty where there is none
	claims    *fastjson.Object
}

// room is what a token is opened in. It belongs to one goroutine at a time.
type room struct {
	bytes        [BytesMax]byte
	head, claims fastjson.Parser
	texts        texts
}

// malformedError says no more than that: the reason is all there is to say.
type malformedError struct{}

func (malformedError) Error() string { return reasons[Malformed] }

// open takes a token apart. It is strict where two readers could understand it
// differently: no white space and no bits to spare in base64, no name twice.
func (r *room) open(token []byte) (e envelope, err error) {
	first := bytes.IndexByte(token, '.')
	last := bytes.LastIndexByte(token, '.')
	if len(token) > BytesMax || first < 1 || last == first || bytes.IndexByte(token[first+1:last], '.') >= 0 {
		return e, malformedError{}
	}
	var parts [3][]byte
	free := r.bytes[:]
	for i, text := range [...][]byte{token[:first], token[first+1 : last], token[last+1:]} {
		if parts[i], free, err = part(free, text); err != nil || len(parts[i]) == 0 {
			return e, malformedError{}
		}
	}
	head, claims, signature := parts[0], parts[1], parts[2]
	e.signed, e.signature = token[:last], signature
	if err := e.readHead(&r.head, head); err != nil {
		return e, err
	}
	e.claims, err = object(&r.claims, claims)
	return e, err
}

// strict refuses what is not the only way to write some bytes, but for the line ends
// that encoding/base64 passes over.
var strict = base64.RawURLEncoding.Strict()

// part decodes one into room and returns what is left of that.
func part(room, text []byte) (decoded, left []byte, err error) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, nil, malformedError{}
	}
	n, err := strict.Decode(room, text)
	if err != nil {
		return nil, nil, malformedError{}
	}
	return room[:n:n], room[n:], nil
}

// readHead reads what the head says of the signature. A token with crit is refused: no
// extension is understood, and those must be (RFC 7515 section 4.1.11).
func (e *envelope) readHead(p *fastjson.Parser, text []byte) error {
	head, err := object(p, text)
	if err != nil || head.Get("crit") != nil {
		return malformedError{}
	}
	alg := head.Get("alg")
	if alg == nil || alg.Type() != fastjson.TypeString {
		return malformedError{}
	}
	e.algorithm = string(textOf(alg))
	if id := head.Get("kid"); id != nil {
		if e.id, err = id.StringBytes(); err != nil {
			return malformedError{}
		}
	}
	return nil
}

// object parses JSON that has to be an object with each name once. fastjson forgives
// much when it parses, and nothing when it validates.
func object(p *fastjson.Parser, text []byte) (*fastjson.Object, error) {
	if !utf8.Valid(text) || fastjson.ValidateBytes(text) != nil {
		return nil, malformedError{}
	}
	value, err := p.ParseBytes(text)
	if err != nil {
		return nil, malformedError{}
	}
	members, err := value.Object()
	if err != nil || hasTwice(members) {
		return nil, malformedError{}
	}
	return members, nil
}

// membersMax bounds the names of one object.
const membersMax = 128

// hasTwice reports a name that is there twice, or more names than are looked at.
func hasTwice(o *fastjson.Object) bool {
	if o.Len() > membersMax {
		return true
	}
	var seen [membersMax][]byte
	n, twice := 0, false
	o.Visit(func(name []byte, _ *fastjson.Value) {
		for _, other := range seen[:n] {
			twice = twice || bytes.Equal(name, other)
		}
		seen[n] = name
		n++
	})
	return twice
}
