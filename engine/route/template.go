package route

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

var (
	errPlaceholder = errors.New("is none of {scheme}, {host}, {path}, {query} and {uri}")
	errBrace       = errors.New("has a brace without its other one")
	errControl     = errors.New("has a space or control character")
	errStart       = errors.New("must begin with /, {path}, {uri} or a scheme such as https://")
)

// Template is a redirect's Location with placeholders, compiled once. It never
// changes; any goroutine may use it. The zero value is the empty text.
//
//	{scheme}  http or https, as the client came
//	{host}    the authority without its port, as sent
//	{path}    the path as sent, still encoded; it always begins with "/"
//	{query}   what follows "?", still encoded
//	{uri}     path and, where there is one, "?" and query
type Template struct {
	parts []part
	// outward is whether the text itself names another authority by "//".
	outward bool
}

// part is a piece of text followed by a placeholder.
type part struct {
	text string
	hole hole
}

// hole is a placeholder.
type hole uint8

const (
	holeNone hole = iota
	holeScheme
	holeHost
	holePath
	holeQuery
	holeURI
)

// Values are what the placeholders stand for. The caller owns the bytes.
type Values struct {
	Scheme []byte
	// Host is the authority as sent, maybe with a port. It must not be empty
	// where the template uses it.
	Host []byte
	// Path and Query as sent, still encoded; a Query that is not nil has a "?".
	Path, Query []byte
	// Target is the request target as sent. {uri} is Target when that begins
	// with "/" (origin-form, RFC 9112 3.2.1), else made of Path and Query.
	Target []byte
}

// Compile reads the "to" of a redirect. The error begins with the text.
func Compile(to string) (Template, error) {
	t := Template{parts: nil, outward: strings.HasPrefix(to, "//")}

	for rest := to; rest != ""; {
		p, tail, err := cutPart(rest)
		if err != nil {
			return Template{}, fmt.Errorf("redirect %q %w", to, err)
		}

		t.parts = append(t.parts, p)
		rest = tail
	}

	if !t.startsWell() {
		return Template{}, fmt.Errorf("redirect %q %w", to, errStart)
	}

	return t, nil
}

// cutPart reads text up to the first placeholder, and that placeholder.
func cutPart(rest string) (p part, tail string, err error) {
	text, after, found := strings.Cut(rest, "{")
	if strings.Contains(text, "}") {
		return part{}, "", errBrace
	}

	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return part{}, "", errControl
	}

	if !found {
		return part{text: text, hole: holeNone}, "", nil
	}

	name, tail, closed := strings.Cut(after, "}")
	if !closed || strings.Contains(name, "{") {
		return part{}, "", errBrace
	}

	h := holeOf(name)
	if h == holeNone {
		return part{}, "", fmt.Errorf("has {%s}, which %w", name, errPlaceholder)
	}

	return part{text: text, hole: h}, tail, nil
}

func holeOf(name string) hole {
	switch name {
	case "scheme":
		return holeScheme
	case "host":
		return holeHost
	case "path":
		return holePath
	case "query":
		return holeQuery
	case "uri":
		return holeURI
	default:
		return holeNone
	}
}

// startsWell reports whether the Location cannot begin with what a client may
// choose freely: a host or a query in front would be a redirect to anywhere.
func (t *Template) startsWell() bool {
	if len(t.parts) == 0 {
		return false
	}

	first := t.parts[0]

	switch {
	case first.text == "" && first.hole == holeScheme:
		return len(t.parts) > 1 && strings.HasPrefix(t.parts[1].text, "://")
	case first.text == "":
		return first.hole == holePath || first.hole == holeURI
	default:
		return first.text[0] == '/' || strings.Contains(first.text, "://")
	}
}

// Append appends the Location. Bytes of the values that do not belong into a
// URI - controls, CR and LF among them, spaces, quotes, backslashes, bytes above
// 126 - are percent-encoded, so that no value ends the field or the reference.
// It allocates only to enlarge dst.
func (t *Template) Append(dst []byte, v Values) []byte {
	start := len(dst)

	for i := range t.parts {
		dst = append(dst, t.parts[i].text...)

		switch t.parts[i].hole {
		case holeScheme:
			dst = appendSafe(dst, v.Scheme)
		case holeHost:
			dst = appendSafe(dst, wire.CutPort(v.Host))
		case holePath:
			dst = appendPath(dst, v.Path)
		case holeQuery:
			dst = appendSafe(dst, v.Query)
		case holeURI:
			dst = appendURI(dst, &v)
		case holeNone:
		}
	}

	if !t.outward && bytes.HasPrefix(dst[start:], []byte("//")) {
		return insertDot(dst, start)
	}

	return dst
}

// appendPath keeps a path apart from the authority before it.
func appendPath(dst, path []byte) []byte {
	if len(path) == 0 || path[0] != '/' {
		dst = append(dst, '/')
	}

	return appendSafe(dst, path)
}

func appendURI(dst []byte, v *Values) []byte {
	if len(v.Target) > 0 && v.Target[0] == '/' {
		return appendSafe(dst, v.Target)
	}

	dst = appendPath(dst, v.Path)
	if v.Query == nil {
		return dst
	}

	return appendSafe(append(dst, '?'), v.Query)
}

// insertDot puts "/." before a path that begins with "//": a client would take
// what follows for another host (RFC 3986 4.2), and "/.//x" is the path "//x".
func insertDot(dst []byte, start int) []byte {
	dst = append(dst, 0, 0)
	copy(dst[start+2:], dst[start:])
	dst[start], dst[start+1] = '/', '.'

	return dst
}

// appendSafe appends b with the bytes percent-encoded that may not stand in a
// URI (RFC 3986 2.1). A "%" stays: the values are encoded already.
func appendSafe(dst, b []byte) []byte {
	const digits = "0123456789ABCDEF"

	for _, c := range b {
		if isSafe(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}

	return dst
}

func isSafe(c byte) bool {
	switch c {
	case '"', '<', '>', '\\', '^', '`', '{', '|', '}':
		return false
	default:
		return c > ' ' && c < 0x7f
	}
}
