package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/isame-lb/isame-lb/ctl/api"
)

var parsers fastjson.ParserPool

// decode reads the JSON body of a change into what v points to. It is strict where
// parsers differ, or where somebody would believe in a change that is not made: 400 for
// what is not one JSON text (RFC 8259) in UTF-8, 422 with every problem for a key that is
// unknown, twice there or spelt in another case, for null, and for a value of another type.
func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return api.NewProblem(fasthttp.StatusBadRequest, "a JSON body is needed")
	}
	if p := checkJSON(body); p != nil {
		return p
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(body)
	if err != nil { // it is JSON, so it has too many levels
		return api.NewProblem(fasthttp.StatusBadRequest, fmt.Sprintf("the body has more than %d levels", fastjson.MaxDepth))
	}
	f := filler{}
	f.fill(root, v)
	if len(f.problems) == 0 {
		return nil
	}
	p := api.NewProblem(fasthttp.StatusUnprocessableEntity, "the body is refused: "+f.problems[0].Text)
	p.Errors = f.problems
	return p
}

// checkJSON refuses what is no JSON. The parser alone would take +1, .5 and NaN. The
// answer shows nothing of the body: it may hold a secret, and refusals are logged.
func checkJSON(body []byte) *api.Problem {
	if !utf8.Valid(body) {
		return api.NewProblem(fasthttp.StatusBadRequest, "the body is not UTF-8")
	}
	if fastjson.ValidateBytes(body) != nil {
		return api.NewProblem(fasthttp.StatusBadRequest, "the body is not one JSON text"+placeOfError(body))
	}
	if at := loneSurrogate(body); at >= 0 {
		return api.NewProblem(fasthttp.StatusBadRequest, "the body has half a character: an unpaired surrogate at byte "+strconv.Itoa(at+1))
	}
	return nil
}

// placeOfError says what encoding/json makes of the body, which names one character and where.
func placeOfError(body []byte) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage))); ok {
		return fmt.Sprintf(": %s, at byte %d", syntax, syntax.Offset)
	}
	return ""
}

// loneSurrogate is where a \u escape of a JSON text stands for half a character, or -1.
// Readers make different characters of it.
func loneSurrogate(text []byte) int {
	const escape = len(`\uXXXX`)
	unit := func(i int) rune { // of the escape at i, or -1 where there is none
		if i+escape > len(text) || text[i] != '\\' || text[i+1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(string(text[i+2:i+escape]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	for i := 0; i < len(text); {
		if text[i] != '\\' { // stands in strings only
			i++
			continue
		}
		high := unit(i)
		switch {
		case high < 0:
			i += 2 // the backslash and what it escapes
		case !utf16.IsSurrogate(high):
			i += escape
		case utf16.DecodeRune(high, unit(i+escape)) == utf8.RuneError:
			return i
		default:
			i += 2 * escape
		}
	}
	return -1
}
