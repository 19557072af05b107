// Package answer is what the proxy says itself, and the one way in which a response
// head is written, also that of a backend's answer.
//
// Start reading in head.go: Begin, then the fields of whoever makes the answer, then
// End, which knows the rule for Connection. A Reject is an answer to what cannot or will
// not be forwarded, rejects.go the list of them, form.go the languages they are said in:
// JSON, a page, or a status of gRPC. date.go has the value of Date.
//
// Everything here is pure: it appends to memory of its caller and keeps none of it, and
// nothing waits. What an answer means for an exchange and its connection is decided by
// package engine, which alone imports this one. It imports pool, pool/end and
// pool/attempt for the words of ends and outcomes, pool/wire for refusals, and fasthttp
// for the names of statuses.
package answer
