package match

import (
	"regexp"
	"strings"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hosts are patterns and expressions, of which one has to hold. The zero value has none.
type hosts struct {
	patterns []hostPattern
	re       []*regexp.Regexp
}

// hostPattern is an exact name in lower case, or what it begins or ends with.
type hostPattern struct {
	text     string
	from, to bool // a star stands in front, or behind
}

func newHosts(patterns, expressions []string) (h hosts, err error) {
	h.patterns = hostPatterns(patterns)
	for _, text := range expressions {
		re, err := regexp.Compile(text)
		if err != nil {
			return h, err //nolint:wrapcheck // it names the expression
		}
		h.re = append(h.re, re)
	}
	return h, nil
}

func hostPatterns(texts []string) (all []hostPattern) {
	for _, text := range texts {
		h := hostPattern{text: strings.ToLower(text)}
		if rest, ok := strings.CutPrefix(h.text, "*"); ok {
			h.text, h.from = rest, true
		} else if rest, ok := strings.CutSuffix(h.text, "*"); ok {
			h.text, h.to = rest, true
		}
		all = append(all, h)
	}
	return all
}

func (h *hosts) any() bool { return h.patterns != nil || h.re != nil }

func (h *hosts) holds(q *Request) bool {
	host := wire.HostName(q.Host)
	if matchesHost(h.patterns, host) {
		return true
	}
	if len(h.re) == 0 {
		return false
	}
	q.Scratch = appendLower(q.Scratch[:0], host)
	for _, re := range h.re {
		if re.Match(q.Scratch) {
			return true
		}
	}
	return false
}

// matchesHost compares without regard to case.
func matchesHost[T string | []byte](patterns []hostPattern, host T) bool {
	for i := range patterns {
		p := &patterns[i]
		at := 0
		switch {
		case len(host) < len(p.text), !p.from && !p.to && len(host) != len(p.text):
			continue
		case p.from:
			at = len(host) - len(p.text)
		}
		if (p.from || p.to) && len(host) == len(p.text) {
			continue // the star stands for a label at least
		}
		if equalLower(host, at, p.text) {
			return true
		}
	}
	return false
}

func equalLower[T string | []byte](host T, at int, lowered string) bool {
	for i := range len(lowered) {
		if lower(host[at+i]) != lowered[i] {
			return false
		}
	}
	return true
}

// appendLower appends b with ASCII capitals lowered.
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}
	return dst
}

func lower(c byte) byte {
	if c-'A' < 26 {
		return c + ('a' - 'A')
	}
	return c
}
