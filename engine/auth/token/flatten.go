package token

import (
	"bytes"

	"github.com/valyala/fastjson"
)

// Bounds of the claims of a token that are kept as text: how deep objects are in each
// other, how many there are, and their bytes with their names.
const (
	depthMax     = 4
	textsMax     = 256
	textBytesMax = 16 << 10
)

// text is a claim.
type text struct{ name, value []byte }

// texts gathers the claims of a token in one piece of memory, which is used again.
type texts struct {
	bytes []byte
	spans []span
	full  bool
}

// span is where a claim stands in bytes: its name, and its value behind that.
type span struct{ from, value, to int }

// flatten makes text of claims. The claims of an object have the names of both with a dot
// between them; elements of a list are joined by commas. A number is written as in the
// token. What is null, a list of lists or of objects, or holds a control character, which
// would end a header field, has no text. ok is false beyond the bounds.
func (t *texts) flatten(claims *fastjson.Object) (list []text, ok bool) {
	t.bytes, t.spans, t.full = t.bytes[:0], t.spans[:0], false
	t.scalars(nil, claims)
	t.objects(nil, claims, 1)
	if t.full {
		return nil, false
	}
	all := bytes.Clone(t.bytes)
	list = make([]text, len(t.spans))
	for i, s := range t.spans {
		list[i] = text{all[s.from:s.value:s.value], all[s.value:s.to:s.to]}
	}
	return list, true
}

// scalars adds the claims of an object that are none themselves. Those of objects come
// behind them, so that the outer of two equal names is found.
func (t *texts) scalars(prefix []byte, o *fastjson.Object) {
	o.Visit(func(name []byte, v *fastjson.Value) {
		if t.full || v.Type() == fastjson.TypeObject {
			return
		}
		s := span{from: len(t.bytes)}
		t.bytes = append(append(t.bytes, prefix...), name...)
		s.value = len(t.bytes)
		var ok bool
		t.bytes, ok = appendText(t.bytes, v)
		s.to = len(t.bytes)
		if !ok || hasControl(t.bytes[s.value:]) {
			t.bytes = t.bytes[:s.from]
			return
		}
		t.full = len(t.spans) == textsMax || s.to > textBytesMax
		t.spans = append(t.spans, s)
	})
}

func (t *texts) objects(prefix []byte, o *fastjson.Object, depth int) {
	o.Visit(func(name []byte, v *fastjson.Value) {
		if v.Type() != fastjson.TypeObject || depth == depthMax || t.full {
			return
		}
		inner, err := v.Object()
		if err != nil || hasTwice(inner) {
			return
		}
		below := make([]byte, 0, len(prefix)+len(name)+1)
		below = append(append(append(below, prefix...), name...), '.')
		t.scalars(below, inner)
		t.objects(below, inner, depth+1)
	})
}

// appendText appends a value that is no object. ok is false for one without text.
func appendText(to []byte, v *fastjson.Value) (with []byte, ok bool) {
	if v.Type() != fastjson.TypeArray {
		return appendScalar(to, v)
	}
	list, err := v.Array()
	if err != nil {
		return to, false
	}
	for i, e := range list {
		if i > 0 {
			to = append(to, ',')
		}
		if to, ok = appendScalar(to, e); !ok {
			return to, false
		}
	}
	return to, true
}

// appendScalar appends a string, a number as it is written, true or false.
func appendScalar(to []byte, v *fastjson.Value) (with []byte, ok bool) {
	switch v.Type() {
	case fastjson.TypeString:
		s, err := v.StringBytes()
		return append(to, s...), err == nil
	case fastjson.TypeNumber, fastjson.TypeTrue, fastjson.TypeFalse:
		return v.MarshalTo(to), true
	default:
		return to, false
	}
}

func hasControl(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}
