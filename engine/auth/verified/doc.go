// Package verified remembers what cost much to verify: that a password was right, or
// what a signed token says. It is a table of fixed size that is read and written without
// a lock. Start reading at cache.go.
//
// Imported by the packages below engine/auth; imports the standard library only.
package verified
