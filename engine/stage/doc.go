// Package stage is what a stage of middleware sees of an exchange, and how it says what
// becomes of it.
//
// Start reading in call.go: a Call is one exchange as the stages of its route see it, in
// the request phase and, when there is an answer, in the response phase. change.go is what
// they may make of its request, fields.go the field lines that they change, with merge.go
// for lists, name.go a name of one, text.go values with variables, key.go what a bucket
// belongs to, wait.go how one waits. When a stage runs at all is the matter of package match.
//
// Stages run inside the event loop: nothing here allocates, locks or waits, but for what
// is compiled once from a configuration. A Call belongs to its exchange, and so to one
// goroutine at a time; the bytes that it shows are valid until the exchange is counted.
//
// engine/middleware has the stages themselves, engine runs them.
package stage
