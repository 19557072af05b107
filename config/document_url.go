package config

import (
	"strconv"
	"strings"
)

// A URL may hold secrets whatever key it stands at: a password in front of its host, and
// parameters whose names say so. They are masked on their own, so that the rest is read.

// schemeEnd stands behind the scheme of a URL.
const schemeEnd = "://"

// stretch is a part of a text.
type stretch struct{ from, to int }

// credentials are the literal secrets of a URL, in their order; none of what is no URL.
func credentials(text string) []stretch {
	begin := strings.Index(text, schemeEnd)
	if begin <= 0 || strings.Trim(strings.ToLower(text[:begin]), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return nil
	}
	begin += len(schemeEnd)
	return append(userinfo(text, begin), parameters(text, begin)...)
}

// userinfo is the password in front of the host, or all of it where there is no colon: a token.
func userinfo(text string, begin int) []stretch {
	end := len(text)
	if i := strings.IndexAny(text[begin:], "/?# \t\r\n"); i >= 0 {
		end = begin + i
	}
	at := strings.LastIndexByte(text[begin:end], '@')
	if at < 0 {
		return nil
	}
	at += begin
	if name, _ := cutUser(text[begin:at]); name != "" || strings.HasPrefix(text[begin:at], ":") {
		begin += len(name) + 1
	}
	if shownField(text[begin:at]) == text[begin:at] && text[begin:at] != mask {
		return nil
	}
	return []stretch{{begin, at}}
}

// parameters are the values behind the question mark whose names are those of secrets.
func parameters(text string, begin int) (all []stretch) {
	i := strings.IndexByte(text[begin:], '?')
	if i < 0 {
		return nil
	}
	begin += i + 1
	end := len(text)
	if i := strings.IndexByte(text[begin:], '#'); i >= 0 {
		end = begin + i
	}
	for begin < end {
		next := end
		if i := strings.IndexByte(text[begin:end], '&'); i >= 0 {
			next = begin + i
		}
		name, value, ok := strings.Cut(text[begin:next], "=")
		if ok && isSecretName(name) && (shownField(value) != value || value == mask) {
			all = append(all, stretch{begin + len(name) + 1, next})
		}
		begin = next + 1
	}
	return all
}

// ShownURL is a text with a mask in place of what a URL has of secrets.
func ShownURL(text string) string {
	if !strings.Contains(text, schemeEnd) {
		return text
	}
	var b strings.Builder
	from := 0
	for _, s := range credentials(text) {
		b.WriteString(text[from:s.from])
		b.WriteString(mask)
		from = s.to
	}
	return b.String() + text[from:]
}

// holdsURLMask reports that one of the secrets of a URL is a mask.
func holdsURLMask(text string) bool {
	if !strings.Contains(text, schemeEnd) || !strings.Contains(text, mask) {
		return false
	}
	for _, s := range credentials(text) {
		if text[s.from:s.to] == mask {
			return true
		}
	}
	return false
}

// secretBytesMin is the length from which a secret is taken out of a message wherever it
// stands there; a shorter one may be a part of any word, and is where it is quoted.
const secretBytesMin = 4

// hideSecrets takes the literal secrets of a tree out of what is said of their places, and of
// what is around or below these.
func (ps Problems) hideSecrets(root *node) {
	if len(ps) == 0 || root == nil {
		return
	}
	theOutline().words(root, topSpot(), "", func(w word) {
		if w.isName {
			return
		}
		secrets := w.secrets()
		for i := 0; i < len(ps) && len(secrets) > 0; i++ {
			if p := &ps[i]; p.Path == w.path || isAround(p.Path, w.path) || isAround(w.path, p.Path) {
				p.Message = w.hiddenIn(p.Message, secrets)
			}
		}
	})
}

// isAround reports that a path is that of a section or list that holds another one.
func isAround(path, below string) bool {
	rest, ok := strings.CutPrefix(below, path)
	return ok && path != "" && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// hiddenIn is a message without the secret.
func (w word) hiddenIn(message string, secrets []string) string {
	message = strings.ReplaceAll(message, strconv.Quote(w.text), strconv.Quote(w.shown(w.text)))
	for _, secret := range secrets {
		quoted := strconv.Quote(secret)
		message = strings.ReplaceAll(message, quoted, mask)
		if len(secret) >= secretBytesMin {
			message = strings.ReplaceAll(message, quoted[1:len(quoted)-1], mask)
			message = strings.ReplaceAll(message, secret, mask)
		}
	}
	return message
}

// secrets are the parts of a text that no message may hold. One without a scheme, as addresses
// are written, has them where a colon and then an @ stand in front of its host, which belong
// into neither.
func (w word) secrets() (all []string) {
	text := w.text
	switch {
	case w.secret && w.shown(text) == text:
		return nil
	case w.isUser():
		_, hash := cutUser(text)
		return []string{hash}
	case w.secret:
		return []string{text}
	case !strings.Contains(text, schemeEnd):
		if name, rest, ok := strings.Cut(text, ":"); !ok || name == "" || !strings.Contains(rest, "@") {
			return nil
		}
		text = "x" + schemeEnd + text
	}
	for _, s := range credentials(text) {
		all = append(all, text[s.from:s.to])
	}
	return all
}
