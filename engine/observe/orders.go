package observe

import (
	"maps"
	"slices"
)

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

// renderOrders writes the attempts, by host.
func (r *Registry) renderOrders(e *exposition) {
	r.names.Lock()
	orders := make(map[string]orderCounts, len(r.names.orders))
	for host, n := range r.names.orders {
		orders[host] = *n
	}
	r.names.Unlock()
	e.family("isame_certificate_orders_total", counter, "Attempts to obtain or renew a certificate from an ACME server, by result.")
	for _, host := range slices.Sorted(maps.Keys(orders)) {
		n := orders[host]
		e.count(n.failed, "name", host, "result", "failed")
		e.count(n.issued, "name", host, "result", "issued")
	}
}
