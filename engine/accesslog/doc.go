// Package accesslog makes lines of the access log: which fields they have, in which format,
// and what of them is not written down.
//
// program.go is a log section, compiled: which exchanges are logged, and what one line has.
// Start reading there. entry.go is what the engine says of an exchange, field.go which fields
// there are, write.go how each is taken from it, format.go how text and numbers are written so that no client can
// forge a line, combined.go the format of that name, redaction.go what is hidden, and
// clock.go what time it is.
//
// Everything here is pure but for the clock: it appends to memory of its caller and keeps
// none of it. Where lines go is package sink's matter.
//
// Imported by engine; imports config, engine/record, pool/end and pool/wire.
package accesslog
