// Package hpack reads and writes HTTP/2 header blocks (RFC 7541). The HTTP/2
// server of the engine uses it on the client's side, the pool on the backend's.
// It does no I/O, starts no goroutine, and allocates nothing in steady state.
package hpack
