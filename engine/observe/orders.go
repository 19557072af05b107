package observe

// CertificateOrdered counts an attempt to obtain or renew the certificate of a host. It
// may be called by any goroutine, and is not for the hot path.
func (r *Registry) CertificateOrdered(host string, issued bool) {
	r.names.Lock()
	defer r.names.Unlock()
	n := r.names.orders[host]
	if n == nil {
		n = &orderCounts{}
		r.names.orders[host] = n
	}
	if issued {
		n.issued++
	} else {
		n.failed++
	}
}
