package expose

import (
	"strconv"
	"strings"
)

// Format is what a scrape is written in.
type Format struct {
	kind     formatKind
	version  string
	escaping string // of names, as it is said; empty: nothing is said
}

type formatKind uint8

const (
	kindText formatKind = iota
	kindOpenMetrics
	kindProtobuf
	kindData // no text: see NewData
)

// Media types.
const (
	mediaText        = "text/plain"
	mediaOpenMetrics = "application/openmetrics-text"
	mediaProtobuf    = "application/vnd.google.protobuf"

	protoMessage = "io.prometheus.client.MetricFamily"
)

// Text is what everybody reads: https://prometheus.io/docs/instrumenting/exposition_formats/
//
//nolint:gochecknoglobals // read-only
var Text = Format{version: "0.0.4"}

// ContentType is what an answer says of itself.
func (f Format) ContentType() string {
	var b strings.Builder
	switch f.kind {
	case kindProtobuf:
		b.WriteString(mediaProtobuf + "; proto=" + protoMessage + "; encoding=delimited")
	case kindOpenMetrics:
		b.WriteString(mediaOpenMetrics + "; version=" + f.version + "; charset=utf-8")
	default:
		b.WriteString(mediaText + "; version=" + f.version + "; charset=utf-8")
	}
	if f.escaping != "" {
		b.WriteString("; escaping=" + f.escaping)
	}
	return b.String()
}

// HasExemplars reports a format that knows them.
func (f Format) HasExemplars() bool { return f.kind != kindText }

// acceptMax bounds how many alternatives of an Accept field are looked at.
const acceptMax = 32

// Negotiate chooses by an Accept field (RFC 9110 section 12.5.1): the format that is wanted
// most, of several the first one. Where nothing of it can be had, or nothing is said, it is
// Text: an answer that can be read after all is of more use than 406.
func Negotiate(accept string) Format {
	best, weight := Text, 0.0
	for range acceptMax {
		var one string
		one, accept = cut(accept, ',')
		if f, q := alternative(one); q > weight {
			best, weight = f, q
		}
		if accept == "" {
			break
		}
	}
	return best
}

// alternative reads one media range; q 0: it is not wanted, or cannot be had.
func alternative(text string) (f Format, q float64) {
	media, rest := cut(text, ';')
	q = 1
	params := map[string]string{}
	for rest != "" {
		var param string
		param, rest = cut(rest, ';')
		name, value, _ := strings.Cut(param, "=")
		params[strings.ToLower(strings.TrimSpace(name))] = unquoted(strings.TrimSpace(value))
	}
	if said, ok := params["q"]; ok {
		var err error
		if q, err = strconv.ParseFloat(said, 64); err != nil || !(q > 0 && q <= 1) {
			return f, 0
		}
	}
	f, ok := formatOf(strings.ToLower(strings.TrimSpace(media)), params)
	if !ok {
		return f, 0
	}
	return f, q
}

// formatOf is the format of a media range.
func formatOf(media string, params map[string]string) (f Format, ok bool) {
	f.version, f.escaping = params["version"], escapingFor(params)
	switch media {
	case "*/*", "text/*":
		return Text, true
	case mediaText:
		switch f.version {
		case "":
			f.version = Text.version
		case Text.version, "1.0.0": // the latter differs in names that ours are none of
		default:
			return f, false
		}
		return f, true
	case mediaOpenMetrics:
		f.kind = kindOpenMetrics
		switch f.version {
		case "":
			f.version = "1.0.0"
		case "0.0.1", "1.0.0":
		default:
			return f, false
		}
		return f, true
	case mediaProtobuf:
		f.kind = kindProtobuf
		return f, (params["proto"] == "" || params["proto"] == protoMessage) && params["encoding"] == "delimited"
	}
	return f, false
}

// escapingFor is what is answered to a wish how names are escaped that are not
// [a-zA-Z_:][a-zA-Z0-9_:]*. Ours are, and so are the same in all ways but one: dots would
// double each underscore, so who asks for that gets underscores, which all know.
func escapingFor(params map[string]string) string {
	switch asked := params["escaping"]; asked {
	case "":
		return ""
	case "allow-utf-8", "values":
		return asked
	}
	return "underscores"
}

// cut is strings.Cut, but for separators in quoted strings.
func cut(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoted is the text of a token or a quoted string.
func unquoted(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\`, "")
}
