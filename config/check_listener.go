package config

// headerBytesMin is the smallest useful limit for a request line and header.
const headerBytesMin = 256

// listener checks one listener.
func (c *checker) listener(path string, l *Listener) {
	c.anyAddress(path+".address", l.Address)
	c.proxyNetworks(path+".trusted_proxies", l.TrustedProxies)
	c.proxyNetworks(path+".proxy_protocol_from", l.ProxyProtocolFrom)
	c.proxyProtocol(path, l)
	c.clientAddresses(path, l)
	if size := l.Limits.HeaderBytes; size != 0 && size < headerBytesMin {
		c.reportf(path+".limits.header_bytes", "%s is too small for any request: at least %dB", size, headerBytesMin)
	}
	if l.TLS != nil {
		c.listenerTLS(path+".tls", l.TLS)
	}
	if l.RedirectHTTPS != nil && l.TLS != nil {
		c.reportf(path+".redirect_https", "has no effect on a listener with tls")
	}
	if l.RedirectHTTPS != nil {
		c.redirectExcept(path+".redirect_https.except", &l.RedirectHTTPS.Except)
	}
	if l.H2C && l.TLS != nil {
		c.reportf(path+".h2c", "is HTTP/2 in clear text, which a listener with tls does not speak (did you mean \"http2\"?)")
	}
	if l.HTTP3 && l.TLS == nil {
		c.reportf(path+".http3", "needs tls")
	}
	if l.HTTP3 && l.TLS != nil && l.TLS.MaxVersion == version12 {
		c.reportf(path+".http3", "needs TLS 1.3, and tls.max_version is 1.2")
	}
	if l.HTTP3 && l.ProxyProtocol == "require" {
		c.reportf(path+".http3", "has no PROXY headers, which proxy_protocol: require demands of every connection")
	}
	if l.HTTP3 && isUnix(l.Address) {
		c.reportf(path+".http3", "needs a UDP port, which a unix socket does not have")
	}
}

// proxyProtocol checks that a listener knows whose PROXY headers it believes:
// who is believed can name any address as its client's. A unix socket has no
// networks; the rights of its file say who may connect.
func (c *checker) proxyProtocol(path string, l *Listener) {
	from := len(l.ProxyProtocolFrom)
	on := l.ProxyProtocol == "accept" || l.ProxyProtocol == "require"
	switch {
	case l.ProxyProtocol == "off" && from > 0:
		c.reportf(path+".proxy_protocol_from", "has no effect while proxy_protocol is off")
	case on && from+len(l.TrustedProxies) == 0 && !isUnix(l.Address):
		c.reportf(path+".proxy_protocol", "needs proxy_protocol_from or trusted_proxies: the networks whose PROXY headers are believed")
	}
}

func isUnix(text string) bool {
	a, err := parseAddress(text)
	return err == nil && a.unix != ""
}

// sameAddresses reports sockets that would be opened twice.
func (c *checker) sameAddresses() {
	first := map[string]string{}
	add := func(path, text string) {
		a, err := parseAddress(text)
		if err != nil || a.isEphemeral() {
			return
		}
		if was, twice := first[a.socket()]; twice {
			c.reportf(path, "%s is the address of %s already", c.quote(path, text), was)
			return
		}
		first[a.socket()] = parentPath(path)
	}
	if c.cfg.Admin.Address != "" {
		add("admin.address", c.cfg.Admin.Address)
	}
	for _, name := range sortedNames(c.cfg.Listeners) {
		add(joinPath("listeners", name)+".address", c.cfg.Listeners[name].Address)
	}
}
