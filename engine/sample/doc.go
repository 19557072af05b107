// Package sample keeps a rolling sample of request heads that were served, so that a
// configuration can be tried on them before it is applied. What must not be kept is left
// out before it is written: values of query parameters, of cookies and of fields that may
// be credentials.
//
// sampler.go says which exchanges are taken and where their heads lie, head.go what is kept
// of one. Start reading there. engine writes at the end of an exchange, and replays.
//
// Imported by engine; imports pool/wire.
package sample
