package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// unixPathMax is the longest path of a unix socket on Linux (sun_path without its end).
const unixPathMax = 107

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// address is a parsed host:port or unix:/path.sock.
type address struct {
	unix string
	host string
	port int
}

// parseAddress reads an address; the error says what is wrong in words that fit behind the key.
func parseAddress(text string) (address, error) {
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		return parseUnix(text, path)
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		rest, _, _ = strings.Cut(rest, "/")
		return address{}, fmt.Errorf("%q must not have the scheme %s://%s", text, scheme, didYouMean(quoted(rest)))
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return address{}, fmt.Errorf("%q is not host:port, [v6]:port or unix:/path.sock%s", text, didYouMean(guessAddress(text)))
	}
	number, err := strconv.Atoi(port)
	if err != nil || number < 0 || number > 65535 || strings.HasPrefix(port, "+") {
		return address{}, fmt.Errorf("%q has the port %q, which is not a number from 0 to 65535", text, port)
	}
	if host != "" && !isHost(host) {
		return address{}, fmt.Errorf("%q has the host %q, which is neither a name nor an IP address", text, host)
	}
	return address{host: host, port: number}, nil
}

func parseUnix(text, path string) (address, error) {
	switch {
	case !strings.HasPrefix(path, "/"):
		return address{}, fmt.Errorf("%q must have an absolute path: unix:/path.sock", text)
	case len(path) > unixPathMax:
		return address{}, fmt.Errorf("%q has a path of %d bytes; a unix socket takes at most %d", text, len(path), unixPathMax)
	case !keyIsPlain(path):
		return address{}, fmt.Errorf("%q must not contain control characters", text)
	}
	return address{unix: path}, nil
}

// guessAddress suggests an address for common mistakes.
func guessAddress(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return quoted(":" + text)
	}
	if strings.HasPrefix(text, "/") {
		return quoted(unixPrefix + text)
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		return quoted(net.JoinHostPort(ip.String(), "80"))
	}
	if isHost(text) {
		return quoted(text + ":80")
	}
	return ""
}

// isHost reports whether text is an IP address or a DNS name.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return isHostName(text)
}

// isHostName reports whether text is a DNS name (RFC 1123, and underscores,
// which container networks use). All-digit last labels would be addresses.
func isHostName(text string) bool {
	text = strings.TrimSuffix(text, ".")
	if text == "" || len(text) > 253 {
		return false
	}
	var label string
	for label = range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !isAlphanumeric(label[i]) && label[i] != '-' && label[i] != '_' {
				return false
			}
		}
	}
	return strings.Trim(label, "0123456789") != ""
}

// isLoopback reports whether an address can be reached from this machine only.
func (a address) isLoopback() bool {
	if a.unix != "" || strings.EqualFold(a.host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(a.host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isWildcard reports whether an address stands for every interface.
func (a address) isWildcard() bool {
	if a.unix != "" {
		return false
	}
	ip, err := netip.ParseAddr(a.host)
	return a.host == "" || err == nil && ip.Unmap().IsUnspecified()
}

// isEphemeral reports whether the kernel chooses a free port.
func (a address) isEphemeral() bool { return a.unix == "" && a.port == 0 }

// socket is the same for addresses that cannot be bound at the same time.
func (a address) socket() string {
	if a.unix != "" {
		return unixPrefix + a.unix
	}
	host := strings.ToLower(a.host)
	if a.isWildcard() {
		host = "*"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.port))
}

// backendAddress checks the address of a backend, which needs a host and a port.
func (c *checker) backendAddress(path, text string) {
	a, ok := c.anyAddress(path, text)
	switch {
	case !ok || a.unix != "":
	case a.host == "":
		c.reportf(path, "%s has no host%s", c.quote(path, text), didYouMean(quoted("127.0.0.1:"+strconv.Itoa(a.port))))
	case a.isWildcard():
		c.reportf(path, "%s is every address of this machine, which cannot be connected to%s",
			c.quote(path, text), didYouMean(quoted("127.0.0.1:"+strconv.Itoa(a.port))))
	case a.port == 0:
		c.reportf(path, "%s has the port 0, which cannot be connected to", c.quote(path, text))
	}
}

// anyAddress parses an address and reports what is wrong with it.
func (c *checker) anyAddress(path, text string) (address, bool) {
	a, err := parseAddress(text)
	if err == nil {
		return a, true
	}
	if _, masked := c.raw[path]; masked {
		c.reportf(path, "%s does not stand for host:port, [v6]:port or unix:/path.sock", c.quote(path, text))
	} else {
		c.reportf(path, "%s", err)
	}
	return a, false
}

// url checks an absolute http or https URL.
func (c *checker) url(path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !keyIsPlain(text) {
		c.reportf(path, "%s is not a URL such as https://example.com/path", c.quote(path, text))
	}
}
