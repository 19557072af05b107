package acme

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
)

// Certificate is the certificate of one host, as it is now. Host, Current and
// Renewal may be called by any goroutine; the rest belongs to the Keeper.
type Certificate struct {
	host    string
	current atomic.Pointer[tls.Certificate]
	end     func()                           // ends its goroutine; nil while there is none
	own     atomic.Pointer[x509.Certificate] // the leaf of current, if it comes from this section
	planned atomic.Pointer[plan]             // nil before the first look
	since   time.Time                        // own is here, or was made if the storage had it at the start
}

// Host is whose it is, in lower case.
func (c *Certificate) Host() string { return c.host }

// Current is what handshakes use, nil until the host has a certificate. It must
// not be changed.
func (c *Certificate) Current() *tls.Certificate { return c.current.Load() }

// Lend lets handshakes use a certificate that comes from elsewhere, such as
// another section, until there is one.
func (c *Certificate) Lend(other *tls.Certificate) { c.current.CompareAndSwap(nil, other) }

// stop ends its goroutine, if it has one: a generation that was refused has asked
// for hosts without that anybody looks after them.
func (c *Certificate) stop() {
	if c.end != nil {
		c.end()
	}
}

// take uses a certificate and reports whether that is another one than before.
func (c *Certificate) take(found *certmagic.Certificate) bool {
	if now := c.own.Load(); now != nil && now.Equal(found.Leaf) {
		return false
	}
	if c.since = found.Leaf.NotBefore; c.end != nil {
		c.since = time.Now()
	}
	c.own.Store(found.Leaf)
	c.current.Store(&found.Certificate)
	return true
}

// leaf is the certificate in use, nil when there is none.
func (c *Certificate) leaf() *x509.Certificate {
	if now := c.current.Load(); now != nil {
		return now.Leaf
	}
	return nil
}
