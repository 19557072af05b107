// Package certs holds the certificates of a listener and chooses one for each
// handshake, by the name the client asks for and the keys it can verify.
//
// A Store never changes: a reload, which a change of the files triggers too,
// reads everything anew and makes another one; a file that cannot be used
// refuses the reload. Only what it was told to Manage comes and goes by itself:
// package acme. Start reading at Load.
//
// ClientFields is about the other side: what backends are told of a client's
// certificate.
//
// Imported by engine; imports config and the standard library only.
package certs
