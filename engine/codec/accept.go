package codec

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// weightMax is q=1 in thousandths, the finest step of a weight (RFC 9110 section 12.4.2).
const weightMax = 1000

// unsaid is the weight of what a list does not name.
const unsaid = -1

// acceptance is what the Accept-Encoding fields of one request say: the weight of each
// coding in thousandths, unsaid where none is given, and that of the asterisk.
type acceptance struct {
	named [codings]int16
	any   int16
}

// nothingSaid is the acceptance to which fields are added.
var nothingSaid = acceptance{named: [codings]int16{unsaid, unsaid, unsaid, unsaid}, any: unsaid}

// add reads one field value. Several field lines are one list (RFC 9110 section 5.3).
func (a *acceptance) add(value []byte) {
	for {
		element, rest, more := wire.NextElement(value)
		if !more {
			return
		}
		value = rest
		token, parameters, weighted := bytes.Cut(element, semicolon)
		weight := int16(weightMax)
		if weighted {
			weight = parseWeight(parameters)
		}
		token = wire.TrimOWS(token)
		if len(token) == 1 && token[0] == '*' {
			a.any = lower(a.any, weight)
		} else if c, known := codingOf(token); known {
			a.named[c] = lower(a.named[c], weight)
		}
	}
}

var semicolon = []byte(";")

// lower is the lower of two weights, of which the first may be unsaid.
func lower(old, weight int16) int16 {
	if old == unsaid {
		return weight
	}
	return min(old, weight)
}

// parseWeight reads `q=0.5`, what follows the semicolon, in thousandths. What is not
// written by RFC 9110 section 12.4.2 is 0.
func parseWeight(parameters []byte) int16 {
	p := wire.TrimOWS(parameters)
	if len(p) < len("q=0") || len(p) > len("q=0.000") || p[0]|0x20 != 'q' || p[1] != '=' || p[2] > '1' || p[2] < '0' {
		return 0
	}
	weight := int16(p[2]-'0') * weightMax
	if p = p[len("q=0"):]; len(p) > 0 && p[0] != '.' {
		return 0
	}
	step := int16(weightMax / 10)
	for i := 1; i < len(p); i++ {
		if p[i] < '0' || p[i] > '9' {
			return 0
		}
		weight += int16(p[i]-'0') * step
		step /= 10
	}
	if weight > weightMax {
		return 0
	}
	return weight
}

// weight is what the client gives c; 0 is a refusal. What is neither named nor covered by
// the asterisk is refused.
func (a *acceptance) weight(c Coding) int16 {
	if w := a.named[c]; w != unsaid {
		return w
	}
	return max(a.any, 0)
}

// choose picks the coding with the greatest weight, at equal weight the one that stands
// first in prefer. Identity wins only where the client names it with a greater weight, or
// accepts nothing else of ours. It is what is sent too when the client accepts nothing at
// all: RFC 9110 section 12.5.3 leaves that to the server, and the backend has answered.
func (a *acceptance) choose(prefer []Coding) Coding {
	best, weight := Identity, int16(0)
	for _, c := range prefer {
		if w := a.weight(c); w > weight {
			best, weight = c, w
		}
	}
	if a.named[Identity] > weight {
		return Identity
	}
	return best
}
