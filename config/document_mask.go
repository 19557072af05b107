package config

import (
	"regexp"
	"slices"
	"strings"
)

// maskRefused is said of a mask where a secret has to stand.
const maskRefused = "is the mask of a secret, not the secret: write the value or ${ENV:NAME}"

// HasLiteralSecrets reports whether secrets stand in the document themselves, not by a
// reference to the environment or to a file.
func (d *Document) HasLiteralSecrets() bool {
	found := false
	theOutline().words(d.root, d.spot, "", func(w word) {
		found = found || !w.isName && w.shown(w.text) != w.text
	})
	return found
}

// masked is a tree with a mask in place of every literal secret.
func (o *outline) masked(n *node, sp spot) *node { return o.maskedBy(n, sp, spot.shown) }

// maskedBy is a tree with what shown makes of its texts.
func (o *outline) maskedBy(n *node, sp spot, shown func(sp spot, text string) string) *node {
	switch n.kind {
	case kindMap:
		in := o.inside(n, sp)
		return rebuilt(n, func(e entry) *node { return o.maskedBy(e.value, in.at(e.name), shown) })
	case kindList:
		return rebuiltList(n, func(_ int, item *node) *node { return o.maskedBy(item, sp.item(), shown) })
	case kindNull, kindBool:
		return n
	default:
		if sp.standsAlone(n) {
			sp = sp.item()
		}
		text := shown(sp, n.text)
		if text == n.text {
			return n
		}
		return &node{kind: kindString, text: text, from: n.from, key: n.key}
	}
}

// shown is what may be read of a text at this place.
func (sp spot) shown(text string) string {
	switch {
	case !sp.secret:
		return ShownURL(text)
	case sp.isUser():
		return shownUser(text)
	case sp.typ != nil && isSecret(sp.typ):
		return shownSecret(text)
	default:
		return shownField(text)
	}
}

// shownSecret is the mask of a literal secret, and any other text as it is.
func shownSecret(text string) string {
	if isLiteral(text) {
		return mask
	}
	return text
}

// shownUser shows the name of NAME:HASH.
func shownUser(text string) string {
	name, hash := cutUser(text)
	if name == "" {
		return shownSecret(text)
	}
	return name + ":" + shownSecret(hash)
}

// variable is one of a template.
var variable = regexp.MustCompile(`\{[^{}]*\}`)

// shownField also shows values of header fields that hold no secret of their own: those made
// of variables alone, and * for any value.
func shownField(text string) string {
	if text == "*" || !strings.Contains(text, "${") && strings.TrimSpace(variable.ReplaceAllString(text, "")) == "" {
		return text
	}
	return shownSecret(text)
}

// ShownField is the value of a header field or query parameter as it may be shown: a mask where
// the name makes it a secret.
func ShownField(name, value string) string {
	if !isSecretName(name) {
		return value
	}
	return shownField(value)
}

// isLiteral reports whether a secret can be read in its text: it has no reference, or one
// with a default.
func isLiteral(text string) bool {
	referred := false
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		if len(m[1]) > 1 { // text
			continue
		}
		if _, def, _ := strings.Cut(m[3], otherwise); m[2] == sourceEnv && def != "" {
			return true
		}
		referred = true
	}
	return text != "" && !referred
}

// cutUser splits NAME:HASH at the first colon that is in no reference; the name is empty
// where there is none.
func cutUser(text string) (name, hash string) {
	begin := 0
	for _, m := range append(reference.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		if i := strings.IndexByte(text[begin:m[0]], ':'); i >= 0 {
			return text[:begin+i], text[begin+i+1:]
		}
		begin = m[1]
	}
	return "", text
}

// secretWords are the last words of the names of header fields, parameters and options whose
// values are secrets, and secretKeys those that make one of a key.
func secretWords() []string {
	return []string{
		"authorization", "cookie", "token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "apikey",
		"credential", "credentials",
	}
}

func secretKeys() []string {
	return []string{"access", "account", "api", "auth", "private", "secret", "subscription"}
}

// isSecretName reports whether the value of a header field, parameter or option of that name
// is a secret: Authorization, Proxy-Authorization, Cookie, Set-Cookie, and names that end in
// Token, Secret, Password, API-Key and the like.
func isSecretName(name string) bool {
	last := name[strings.LastIndexAny(name, "-_. ")+1:]
	if slices.ContainsFunc(secretWords(), func(word string) bool { return strings.EqualFold(word, last) }) {
		return true
	}
	if !strings.EqualFold(last, "key") && !strings.EqualFold(last, "keys") || len(last) == len(name) {
		return false
	}
	before := name[:len(name)-len(last)-1]
	before = before[strings.LastIndexAny(before, "-_. ")+1:]
	return slices.ContainsFunc(secretKeys(), func(word string) bool { return strings.EqualFold(word, before) })
}

// maskNamed masks the values of a section whose names say that they are secrets.
func maskNamed(n *node) {
	for _, e := range n.entries {
		if isSecretName(e.name) {
			maskTexts(e.value)
		}
	}
}

// maskTexts masks the literal secrets of a tree that is nobody else's and whose texts are all
// values of a field with a secret name.
func maskTexts(n *node) {
	switch n.kind {
	case kindMap:
		for _, e := range n.entries {
			maskTexts(e.value)
		}
	case kindList:
		for _, item := range n.items {
			maskTexts(item)
		}
	case kindNull, kindBool:
	default:
		if shown := shownField(n.text); shown != n.text {
			n.kind, n.text = kindString, shown
		}
	}
}
