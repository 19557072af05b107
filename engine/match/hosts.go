package match

import (
	"fmt"
	"regexp"
	"unsafe"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// hosts are patterns and expressions, of which one has to hold. The zero value has none.
type hosts struct {
	patterns []HostPattern
	re       []*regexp.Regexp
}

func newHosts(patterns, expressions []string) (h hosts, err error) {
	if h.patterns, err = parseHosts(patterns); err != nil {
		return h, fmt.Errorf("hosts: %w", err)
	}
	for _, text := range expressions {
		re, err := regexp.Compile(text)
		if err != nil {
			return h, fmt.Errorf("hosts_regex: %w", err)
		}
		h.re = append(h.re, re)
	}
	return h, nil
}

func parseHosts(texts []string) (all []HostPattern, err error) {
	for _, text := range texts {
		h, err := ParseHost(text)
		if err != nil {
			return nil, fmt.Errorf("%q %w", text, err)
		}
		all = append(all, h)
	}
	return all, nil
}

func (h *hosts) any() bool { return h.patterns != nil || h.re != nil }

func (h *hosts) holds(q *Request) bool {
	host := HostOf(q.Host)
	if len(host) == 0 {
		return false
	}
	if takeHost(h.patterns, unsafe.String(&host[0], len(host))) { // nothing of it is kept
		return true
	}
	if len(h.re) == 0 {
		return false
	}
	q.Scratch = wire.AppendLower(q.Scratch[:0], host)
	for _, re := range h.re {
		if re.Match(q.Scratch) {
			return true
		}
	}
	return false
}

func takeHost(patterns []HostPattern, host string) bool {
	for i := range patterns {
		if patterns[i].takes(host) {
			return true
		}
	}
	return false
}

// equalLower compares text of any case with one of the same length in lower case.
func equalLower(text, lowered string) bool {
	for i := range len(lowered) {
		if lower(text[i]) != lowered[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' < 26 {
		return c + ('a' - 'A')
	}
	return c
}
