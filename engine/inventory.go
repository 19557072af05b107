package engine

import (
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// CertificateStatus is a certificate of a listener as it is now. One that was asked for
// and is not there yet has no validity.
type CertificateStatus struct {
	certs.Description

	Listener string
}

// Certificates are those of the running configuration: by listener, those of files first.
func (e *Engine) Certificates() []CertificateStatus {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	var all []CertificateStatus
	t.eachCertificate(func(listener string, d *certs.Description) {
		all = append(all, CertificateStatus{Listener: listener, Description: *d})
	})
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		for _, d := range l.tls.store.Awaited() {
			all = append(all, CertificateStatus{Listener: l.name, Description: d})
		}
	}
	return all
}

// Limits are the limiters of the running configuration, by name. Their tables are read,
// some ten milliseconds for a million keys, in the caller's goroutine.
func (e *Engine) Limits() []middleware.Limiter {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	return t.stages.Limits(socket.Nanos())
}
