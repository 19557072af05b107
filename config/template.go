package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Part is a piece of a template: text that stands as it is, or a variable.
type Part struct {
	// Text is what stands there; empty for a variable.
	Text string
	// Variable is the name, such as host, header or response.header; group for a group of a
	// regular expression, empty for text.
	Variable string
	// Name is what follows the dot of header.NAME (in lower case), response.header.NAME (in
	// lower case), cookie.NAME, query.NAME and claim.NAME, and the number of a group.
	Name string
	// Escape says that the value is percent-encoded: all but letters, digits and - . _ ~.
	Escape bool
}

// What the tag vars says a template may name.
const (
	varsRequest = "request"
	varsAnswer  = "answer"
)

// VariableGroup is the variable of a part that stands for a group of a regular expression.
const VariableGroup = "group"

// Vocabulary says what a template may name beside the variables of every request.
type Vocabulary struct {
	// Answer allows those that exist in answers and logs only.
	Answer bool
	// Groups are the names of the groups of the regular expression that the template belongs
	// to, as regexp.SubexpNames returns them, empty for those without one; with nil a $ is text.
	Groups []string
	// Registered are further variables, without braces.
	Registered []string
}

// variables are those of every request that have no name of their own.
func variables() []string {
	return []string{
		"method", "scheme", wordHost, "port", wordPath, wordQuery, "uri", "url", "protocol", "client_ip", "peer_ip", "request_id",
		"route", "pool", "tls.sni", "tls.subject",
	}
}

// answerVariables exist in answers and logs only.
func answerVariables() []string { return []string{"backend", "status"} }

// Words that keys, variables and parts of requests share.
const (
	wordBody   = "body"
	wordClaim  = "claim"
	wordCookie = "cookie"
	wordHeader = "header"
	wordHost   = "host"
	wordPath   = "path"
	wordQuery  = "query"
)

// families are variables with a name behind the dot.
func families() []string { return []string{wordHeader, wordCookie, wordQuery, wordClaim} }

// answerFamily is the one that exists in answers and logs only.
const answerFamily = "response.header"

// Parse parses the value of a key that is marked vars: {name} is a variable, {name|escape}
// its value percent-encoded, {{ is a brace, and what v allows beside. The error says what is
// wrong in words that fit behind the key.
func (v Vocabulary) Parse(text string) ([]Part, error) {
	p := templateParser{vocabulary: v}
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, p.special())
		if i < 0 {
			p.text(rest)
			break
		}
		p.text(rest[:i])
		after, err := p.take(rest[i:])
		if err != nil {
			return nil, err
		}
		rest = after
	}
	return p.parts, nil
}

// templateParser collects the parts of one template.
type templateParser struct {
	vocabulary Vocabulary
	parts      []Part
}

// special are the bytes that are not only text.
func (p *templateParser) special() string {
	if p.vocabulary.Groups != nil {
		return "{$"
	}
	return "{"
}

// text appends to the last text, or begins one.
func (p *templateParser) text(text string) {
	if text == "" {
		return
	}
	if n := len(p.parts); n > 0 && p.parts[n-1].Variable == "" {
		p.parts[n-1].Text += text
		return
	}
	p.parts = append(p.parts, Part{Text: text})
}

// take takes what begins with a brace or a $, and returns what is behind it.
func (p *templateParser) take(text string) (rest string, err error) {
	if text[0] == '$' {
		return p.group(text)
	}
	if strings.HasPrefix(text, "{{") {
		p.text("{")
		return text[2:], nil
	}
	inner, rest, closed := strings.Cut(text[1:], "}")
	if !closed || strings.Contains(inner, "{") {
		return "", fmt.Errorf("%q begins with a brace that nothing ends: write {{ for a brace", shorten(text))
	}
	part, err := p.variable(inner)
	if err != nil {
		return "", err
	}
	p.parts = append(p.parts, part)
	return rest, nil
}

// variable reads what stands between braces.
func (p *templateParser) variable(inner string) (Part, error) {
	name, filter, filtered := strings.Cut(inner, "|")
	if filtered && filter != "escape" {
		return Part{}, fmt.Errorf("{%s} has no known filter behind the bar: there is escape%s", inner, DidYouMean(filter, []string{"escape"}))
	}
	part, known := p.vocabulary.lookUp(name)
	if !known {
		return Part{}, p.vocabulary.unknown(name)
	}
	part.Escape = filtered
	return part, nil
}

// lookUp finds a variable.
func (v Vocabulary) lookUp(name string) (Part, bool) {
	if slices.Contains(variables(), name) || v.Answer && slices.Contains(answerVariables(), name) || slices.Contains(v.Registered, name) {
		return Part{Variable: name}, true
	}
	family, of := cutFamily(name)
	if of == "" || family == answerFamily && !v.Answer {
		return Part{}, false
	}
	switch family {
	case wordHeader, answerFamily:
		return Part{Variable: family, Name: strings.ToLower(of)}, isToken(of)
	case wordCookie:
		return Part{Variable: family, Name: of}, isToken(of)
	default:
		return Part{Variable: family, Name: of}, keyIsPlain(of) && slices.Contains(families(), family)
	}
}

// cutFamily splits header.NAME and its like.
func cutFamily(name string) (family, of string) {
	if of, ok := strings.CutPrefix(name, answerFamily+"."); ok {
		return answerFamily, of
	}
	family, of, _ = strings.Cut(name, ".")
	return family, of
}

// unknown says why a name is no variable here.
func (v Vocabulary) unknown(name string) error {
	family, of := cutFamily(name)
	switch {
	case !v.Answer && (slices.Contains(answerVariables(), name) || family == answerFamily):
		return fmt.Errorf("{%s} exists in answers only, and this is made of the request", shorten(name))
	case slices.Contains(families(), name) && name != wordQuery || name == answerFamily || family != name && of == "":
		return fmt.Errorf("{%s} needs a name behind the dot", shorten(name))
	case slices.Contains(families(), family) && of != "" || family == answerFamily:
		return fmt.Errorf("{%s} has a name that cannot be one", shorten(name))
	}
	names := slices.Concat(variables(), v.Registered)
	for _, f := range families() {
		names = append(names, f+".NAME")
	}
	if v.Answer {
		names = append(names, "backend", "status", answerFamily+".NAME")
	}
	meant := didYouMean(braced(nearest(name, names)))
	if other := synonymVariable(name); other != "" {
		meant = didYouMean(braced(other))
	}
	if other := environmentVariable(name); other != "" {
		meant = didYouMean(other)
	}
	if meant == "" {
		meant = ": there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("{%s} is no variable%s", shorten(name), meant)
}

func braced(name string) string {
	if name == "" {
		return ""
	}
	return "{" + name + "}"
}

// shorten bounds what a message repeats.
func shorten(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// environmentVariable returns our reference for {$NAME} and {env.NAME} of Caddy, or "".
func environmentVariable(name string) string {
	of, caddy := strings.CutPrefix(name, "$")
	if !caddy {
		if of, caddy = strings.CutPrefix(name, "env."); !caddy {
			return ""
		}
	}
	of, otherwise, hasDefault := strings.Cut(of, ":")
	if of == "" || strings.ContainsFunc(of, func(r rune) bool { return r >= 0x80 || !isAlphanumeric(byte(r)) && r != '_' }) {
		return ""
	}
	if hasDefault {
		of += ":-" + otherwise
	}
	return "${ENV:" + of + "}"
}

// synonymVariable returns our variable for the one of another proxy, or "".
func synonymVariable(name string) string {
	switch strings.ToLower(name) {
	case "remote_addr", "remote_host", "remote", "remote_ip", "http.request.remote.host", "ip", "source_ip":
		return "client_ip"
	case "request_uri", "http.request.uri", "request.uri":
		return "uri"
	case "http.request.host", "hostname", "server_name":
		return wordHost
	case "args", "query_string", "http.request.uri.query":
		return wordQuery
	case "request_method", "http.request.method":
		return "method"
	case "err.status_code", "http.error.status_code", "code":
		return "status"
	default:
		return ""
	}
}

// group takes $1, ${1} or ${name}; $$ is a $, and any other $ is text.
func (p *templateParser) group(text string) (rest string, err error) {
	if strings.HasPrefix(text, "$$") {
		p.text("$")
		return text[2:], nil
	}
	var name string
	if strings.HasPrefix(text, "${") {
		var closed bool
		if name, rest, closed = strings.Cut(text[2:], "}"); !closed {
			return "", fmt.Errorf("%q begins with a brace that nothing ends: write $$ for a $", shorten(text))
		}
	} else {
		digits := len(text[1:]) - len(strings.TrimLeft(text[1:], "0123456789"))
		if digits == 0 {
			p.text("$")
			return text[1:], nil
		}
		name, rest = text[1:1+digits], text[1+digits:]
	}
	index, ok := p.vocabulary.groupIndex(name)
	if !ok {
		return "", fmt.Errorf("$%s names a group that regex does not have: it has %d", shorten(name), max(0, len(p.vocabulary.Groups)-1))
	}
	p.parts = append(p.parts, Part{Variable: VariableGroup, Name: index})
	return rest, nil
}

// groupIndex is the number of a group that is named by its number or name; 0 is all that matched.
func (v Vocabulary) groupIndex(name string) (string, bool) {
	if i := slices.Index(v.Groups, name); i > 0 && name != "" {
		return strconv.Itoa(i), true
	}
	i, err := strconv.Atoi(name)
	return strconv.Itoa(i), err == nil && i >= 0 && i < len(v.Groups)
}
