// Package explain is a request that nobody has sent, and what would become of it, as plain
// data.
//
// question.go has the request as somebody asks about it, head.go makes of it the bytes that
// a client would send, and explanation.go is the answer: what the parser, the listener, the
// routes, the stages and the pools say of it, in the order in which an exchange meets them.
// Start reading there. engine fills it in, by carrying an exchange over a connection that
// nobody has made up to where it would ask a backend.
package explain
