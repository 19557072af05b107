// Package affinity says which backend a client belongs to, by the bytes of its
// request: Part finds the bytes that a hashing algorithm goes by, and Cookies are
// the cookies that keep a client on its backend. Start reading at cookies.go.
//
// It is pure: it knows members by their index, and is told the time.
//
// Imported by engine; imports config, pool for the names of parts, and pool/wire.
package affinity
