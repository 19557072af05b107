package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// The words of pools.*.host; anything else there is a host.
const (
	// HostKeep is what the client has sent.
	HostKeep = "keep"
	// HostBackend is the host of each backend's address.
	HostBackend = "backend"
)

// poolHost checks what backends see as Host.
func (c *checker) poolHost(path, text string) {
	words := []string{HostKeep, HostBackend}
	if text == "" || slices.Contains(words, text) {
		return
	}
	if !isAuthority(text) {
		c.reportf(path, "%s is none of keep, backend and a host such as www.example.com%s", c.quote(path, text), DidYouMean(text, words))
		return
	}
	for _, word := range words {
		if strings.EqualFold(strings.TrimSuffix(text, "s"), word) {
			c.warnf(path, "%s is taken for the name of a host%s", c.quote(path, text), didYouMean(quoted(word)))
		}
	}
}

// isAuthority reports whether text is a host with or without a port, as it stands in Host
// (RFC 9110 section 7.2).
func isAuthority(text string) bool {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		inner = strings.TrimSuffix(inner, "]")
		return strings.Contains(inner, ":") && isHost(inner)
	}
	if !strings.Contains(text, ":") {
		return isHost(text)
	}
	host, port, err := net.SplitHostPort(text)
	number, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && number > 0 && isHost(host)
}
