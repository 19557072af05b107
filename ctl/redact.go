package ctl

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// redactor puts other names in the place of addresses and hosts: always the same one within a
// bundle, another one in the next. It is for one goroutine.
type redactor struct {
	key []byte
	// ends are the last two labels of hosts that are known: whatever ends so is one.
	ends map[string]bool
}

func newRedactor() *redactor {
	return &redactor{key: []byte(rand.Text()), ends: map[string]bool{}}
}

// name is what stands for text: kind, and the begin of a keyed hash.
func (r *redactor) name(kind, text string) string {
	sum := hmac.New(sha256.New, r.key)
	sum.Write([]byte(strings.ToLower(text)))
	return kind + "-" + hex.EncodeToString(sum.Sum(nil)[:6])
}

// knows makes a host, with or without a port, one that is found. Names of one label say
// nothing outside of their network, and stay.
func (r *redactor) knows(hosts ...string) {
	for _, host := range hosts {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(host); err == nil {
			continue
		}
		if end := lastLabels(host); end != "" {
			r.ends[end] = true
		}
	}
}

// lastLabels are the last two of a host, in lower case; empty where there are not so many.
func lastLabels(host string) string {
	labels := strings.Split(strings.ToLower(strings.Trim(host, ".")), ".")
	if n := len(labels); n >= 2 && labels[n-1] != "" && labels[n-2] != "" {
		return labels[n-2] + "." + labels[n-1]
	}
	return ""
}

// Patterns of what may be an address, a host, and a URL with one. They are compiled when a
// bundle is redacted for the first time.
var redactions = sync.OnceValue(func() (p struct{ address, host, url *regexp.Regexp }) {
	p.address = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}`)
	p.host = regexp.MustCompile(`[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)+`)
	p.url = regexp.MustCompile(`(?i)[a-z]://(?:[^/\s"'@]*@)?([0-9A-Za-z_.-]+)`)
	return p
})

// likeHosts are the words of a configuration that may be names of hosts: more words than are,
// so that none is missed.
func likeHosts(text []byte) (hosts []string) {
	for _, found := range redactions().host.FindAll(text, -1) {
		name := string(found)
		last := name[strings.LastIndexByte(name, '.')+1:]
		if !slices.Contains(fileEndings(), last) && strings.Trim(last, "0123456789") != "" {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// fileEndings are last labels of names that are those of files.
func fileEndings() []string {
	return []string{"yaml", "yml", "json", "toml", "pem", "crt", "key", "txt", "html", "sock", "htpasswd"}
}

// text is b without addresses and hosts. Those of this machine stay: 127.0.0.1, 0.0.0.0 and
// the like tell nobody.
func (r *redactor) text(b []byte) []byte {
	p := redactions()
	for _, found := range p.url.FindAllSubmatch(b, -1) {
		r.knows(string(found[1]))
	}
	b = p.address.ReplaceAllFunc(b, func(found []byte) []byte {
		ip, err := netip.ParseAddr(string(found))
		if err != nil || ip.IsLoopback() || ip.IsUnspecified() {
			return found
		}
		return []byte(r.name("ip", ip.Unmap().String()))
	})
	return p.host.ReplaceAllFunc(b, func(found []byte) []byte {
		if !r.ends[lastLabels(string(found))] {
			return found
		}
		return []byte(r.name("host", string(found)))
	})
}

// records are those without what is known of clients: of a path its first segment stays.
func (r *redactor) records(list []api.Record) {
	for i := range list {
		rec := &list[i]
		if rec.Client != "" {
			rec.Client = r.name("ip", rec.Client)
		}
		if rec.Host != "" {
			rec.Host = r.name("host", rec.Host)
		}
		rec.Path = firstSegment(rec.Path)
	}
}

// firstSegment is what stays of a path.
func firstSegment(path string) string {
	rest, ok := strings.CutPrefix(path, "/")
	first, _, more := strings.Cut(rest, "/")
	switch {
	case !ok && path != "":
		return "…"
	case more:
		return "/" + first + "/…"
	}
	return path
}
