// Package certs holds the certificates of a listener and chooses one for each
// handshake, by the name the client asks for, or the address it has reached where it asks
// for none (address.go), and the keys it can verify.
//
// A Store never changes: a reload, which a change of the files triggers too,
// reads everything anew and makes another one; a file that cannot be used
// refuses the reload. Only what it was told to Manage comes and goes by itself:
// package acme; managed.go finds it. Start reading at Load.
//
// ClientAuth and ClientFields are about the other side: what clients are asked for, and
// what backends are told of their certificates.
//
// Imported by engine; imports config and the standard library only.
package certs
