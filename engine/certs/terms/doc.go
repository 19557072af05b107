// Package terms says on what terms a listener speaks TLS: which versions, suites and key
// exchanges, what clients have to show, and what backends are told of that, for the
// names that have terms of their own (tls.hosts) and for all others.
//
// A Book holds those of one generation of a listener, and never changes. A handshake
// gets the terms of the name it asks for; two names with other terms have no connection
// in common, which Parted tells of a request, and no session, whose tickets are made with
// other keys where clients are asked for something else. Start reading at New.
//
// Imported by engine; imports certs, config, and pool/attempt for what both sides of the
// proxy say of TLS.
package terms
