// Package passwd checks a name and a password against hashes that cost much on purpose.
//
//	users.go    who is known: name:hash lines, as htpasswd writes them
//	hash.go     the hashes: bcrypt, argon2id, SHA-crypt
//	basic.go    what a client says in an Authorization field (RFC 7617)
//	checker.go  what a request asks: was this verified a moment ago, or must it be hashed
//	hashers.go  how many hash at once
//
// A Checker answers from the event loop as long as nothing has to be hashed, and else in
// a goroutine that the caller has. A client learns nothing of which names there are:
// where one is not known, a hash of the same cost is computed. Start reading at checker.go.
//
// Imported by stages; imports engine/auth/live and engine/auth/verified.
package passwd
