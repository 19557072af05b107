package config

import (
	"slices"
	"strings"
)

// Keys of a configuration whose document lies in etcd.
const (
	keySource = "source"
	atEtcd    = "source.etcd"
)

// httpsPrefix begins an endpoint with TLS.
const httpsPrefix = "https://"

// localKeys are what the file of one instance holds where they share a document.
func localKeys() []string { return []string{keySource, "instance", "admin", "state", "log"} }

// isLocal reports a key at the top that belongs to one instance, or that only holds anchors.
func isLocal(key string) bool { return slices.Contains(localKeys(), key) || holdsAnchors(key) }

// divide looks at who says what, where instances share a document: the file of one (opts.Local,
// or opts itself, which then is looked at alone) and the document. It returns the layers
// without what that file may not say, and whether they are of one instance alone.
func divide(opts *Options, root, merged *node, problems *problemList) (kept *node, alone bool) {
	etcd := merged.child(keySource).child("etcd")
	switch {
	case opts.Local != nil:
		refuseKeys(root, problems, isLocal, "stands in the file of each instance, not in the document that they share")
		return merged, false
	case etcd == nil || etcd.kind == kindNull:
		return merged, false
	case opts.Document != nil:
		problems.addf(etcd.at(), atEtcd, "can stand in the configuration file only")
		return merged, false
	}
	refuseKeys(root, problems, func(key string) bool { return !isLocal(key) },
		"cannot stand in this file: with source.etcd it holds "+strings.Join(localKeys(), ", ")+" only, and the document in etcd the rest")
	local := *merged
	local.entries = slices.DeleteFunc(slices.Clone(merged.entries), func(e entry) bool { return !isLocal(e.name) })
	return &local, true
}

// refuseKeys reports each key at the top that is refused, at its place.
func refuseKeys(root *node, problems *problemList, isRefused func(key string) bool, message string) {
	if root == nil {
		return
	}
	for _, e := range root.entries {
		if !isRefused(e.name) || holdsAnchors(e.name) {
			continue
		}
		at := e.value.key
		if at.IsDefault() {
			at = e.value.from
		}
		problems.addf(at, joinPath("", e.name), "%s", message)
	}
}

// source checks where the document lies, and what this instance is called.
func (c *checker) source() {
	if name := c.cfg.Instance; name != "" && (!isVisible(name) || strings.ContainsAny(name, "/")) {
		c.reportf("instance", "%s must be of visible ASCII characters without spaces and slashes", c.quote("instance", name))
	}
	e := c.cfg.Source.Etcd
	if e == nil {
		return
	}
	c.endpoints(e)
	switch at := atEtcd + ".key"; {
	case !isVisible(e.Key) || !strings.HasPrefix(e.Key, "/"):
		c.reportf(at, "%s must begin with / and be of visible ASCII characters", c.quote(at, e.Key))
	case strings.HasSuffix(e.Key, "/"):
		c.reportf(at, "%s must not end with /", c.quote(at, e.Key))
	}
	switch {
	case e.User == "" && e.Password != "":
		c.reportf(atEtcd+".user", "is required beside password")
	case e.User != "" && e.Password == "" && !c.broken[atEtcd+".password"]:
		c.reportf(atEtcd+".password", "is required beside user")
	}
	c.clientTLS(atEtcd+".tls", e.TLS)
	if p := c.cfg.Admin.Persist; p != "" && p != "memory" {
		c.reportf("admin.persist", "%s has no effect with source.etcd: what is applied is put into etcd", c.quote("admin.persist", p))
	}
}

// endpoints checks that each can be connected to, and all in one way.
func (c *checker) endpoints(e *Etcd) {
	for i, text := range e.Endpoints {
		at := indexPath(atEtcd+".endpoints", i)
		host, isTLS := strings.CutPrefix(text, httpsPrefix)
		isClear := false
		if !isTLS {
			host, isClear = strings.CutPrefix(text, "http://")
		}
		if strings.ContainsAny(host, "/?#@") {
			c.reportf(at, "%s is not http://host:port, https://host:port or host:port", c.quote(at, text))
			continue
		}
		c.backendAddress(at, host)
		switch {
		case isClear && e.HasTLS():
			c.reportf(at, "%s is clear text, where tls or another endpoint asks for TLS", c.quote(at, text))
		case !isClear && !isTLS && e.TLS == nil && e.HasTLS():
			c.reportf(at, "%s has no scheme, where another endpoint has https", c.quote(at, text))
		}
	}
	c.noDuplicates(atEtcd+".endpoints", e.Endpoints)
}

// HasTLS reports that the members are spoken to by TLS.
func (e *Etcd) HasTLS() bool {
	return e.TLS != nil || slices.ContainsFunc(e.Endpoints, func(text string) bool { return strings.HasPrefix(text, httpsPrefix) })
}

// URLs are the endpoints with their scheme.
func (e *Etcd) URLs() []string {
	scheme := "http://"
	if e.HasTLS() {
		scheme = httpsPrefix
	}
	urls := make([]string, len(e.Endpoints))
	for i, text := range e.Endpoints {
		urls[i] = text
		if !strings.Contains(text, "://") {
			urls[i] = scheme + text
		}
	}
	return urls
}
