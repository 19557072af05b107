// Package apikey finds the name that belongs to a key which a client presents.
//
// Keys are known by their SHA-256 alone, so that a configuration holds no credentials.
// They are drawn at random by who hands them out: a fast hash of a long random text
// cannot be turned back. Start reading at keys.go.
//
// Imported by stages; imports engine/auth/live.
package apikey
