// Package inquiry asks a pool beside an exchange, for an answer that is no answer to the
// client: a page that stands in place of an error, or what becomes of a copy of a request.
//
// Start reading in inquiry.go: an Inquiry is one request and its attempts, which count for
// the pool's balancer, breakers, limiter and metrics like those of exchanges. fetch.go is
// one for a page. An Inquiry has a goroutine, may outlive the exchange that has made it,
// and knows nothing of it: what it sends is made by the caller, whole.
package inquiry
