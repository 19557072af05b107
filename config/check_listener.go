package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// headerBytesMin is the smallest useful limit for a request line and header.
const headerBytesMin = 256

// listener checks one listener.
func (c *checker) listener(path string, l *Listener) {
	c.anyAddress(path+".address", l.Address)
	for i, network := range l.TrustedProxies {
		c.network(indexPath(path+".trusted_proxies", i), network)
	}
	for i, network := range l.ProxyProtocolFrom {
		c.network(indexPath(path+".proxy_protocol_from", i), network)
	}
	c.proxyProtocol(path, l)
	if size := l.Limits.HeaderBytes; size != 0 && size < headerBytesMin {
		c.reportf(path+".limits.header_bytes", "%s is too small for any request: at least %dB", size, headerBytesMin)
	}
	if l.TLS != nil {
		c.listenerTLS(path+".tls", l.TLS)
	}
	if l.H2C && l.TLS != nil {
		c.reportf(path+".h2c", "is HTTP/2 in clear text, which a listener with tls does not speak (did you mean \"http2\"?)")
	}
	if l.HTTP3 && l.TLS == nil {
		c.reportf(path+".http3", "needs tls")
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

// listenerTLS checks how a listener speaks TLS.
func (c *checker) listenerTLS(path string, t *ListenerTLS) {
	if len(t.Certificates) == 0 && t.ACME == nil {
		c.reportf(path, "needs certificates or acme")
	}
	for i, certificate := range t.Certificates {
		c.keyPair(indexPath(path+".certificates", i), certificate.CertFile, certificate.KeyFile)
	}
	if t.ACME != nil {
		c.acme(path+".acme", t.ACME)
	}
	auth := path + ".client_auth"
	if t.ClientAuth.CAFile != "" {
		c.authorities(auth+".ca_file", t.ClientAuth.CAFile)
	} else if t.ClientAuth.Mode == "require" {
		c.reportf(auth+".ca_file", "is required when client_auth.mode is require")
	}
}

func (c *checker) acme(path string, a *ACME) {
	if len(a.Hosts) == 0 {
		c.reportf(path+".hosts", "must name at least one host")
	}
	for i, host := range a.Hosts {
		if !isHostName(host) {
			c.reportf(indexPath(path+".hosts", i), "%s is not a host name", c.quote(indexPath(path+".hosts", i), host))
		}
	}
	c.noDuplicates(path+".hosts", a.Hosts)
	c.url(path+".directory", a.Directory)
	if a.Storage == "" {
		c.reportf(path+".storage", "must not be empty")
	}
}

// keyPair checks that a certificate and its key can be read and fit together.
func (c *checker) keyPair(path, certFile, keyFile string) {
	cert, certOK := c.readFile(path+".cert_file", certFile)
	key, keyOK := c.readFile(path+".key_file", keyFile)
	if !certOK || !keyOK {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		c.reportf(path+".cert_file", "%s and its key cannot be used: %s", c.quote(path+".cert_file", certFile), err)
	}
}

// authorities checks a file of CA certificates.
func (c *checker) authorities(path, file string) {
	data, ok := c.readFile(path, file)
	if ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
		c.reportf(path, "%s holds no certificate in PEM", c.quote(path, file))
	}
}

// certificateBytesMax bounds a file of certificates; a bundle of every public authority has 250 KiB.
const certificateBytesMax = 4 << 20

// readFile reads a file that the configuration names. An empty name is not a
// file: whether the key is required is checked elsewhere.
func (c *checker) readFile(path, file string) ([]byte, bool) {
	if file == "" || c.broken[path] {
		return nil, false
	}
	c.files = append(c.files, file)
	stat, err := os.Stat(file)
	switch {
	case err != nil:
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
		return nil, false
	case !stat.Mode().IsRegular():
		c.reportf(path, "cannot read %s: it is not a regular file", c.quote(path, file))
		return nil, false
	case stat.Size() > certificateBytesMax:
		c.reportf(path, "cannot read %s: it is larger than %s", c.quote(path, file), Size(certificateBytesMax))
		return nil, false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
		return nil, false
	}
	return data, true
}
