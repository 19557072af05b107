// Package rate decides how many requests of a key pass in how much time.
//
// A [Limit] is what a user writes: so many per so long, and so many at once. A [Table]
// holds where each of its keys stands, in memory that is bounded and never grows, and
// [Table.Take] asks several limits at once, all or nothing. field.go writes the fields
// that tell clients. Start reading at law.go for the arithmetic, table.go for the memory,
// take.go for the decision.
//
// The law is GCRA: a key has a theoretical arrival time, which each request that
// passes moves by one interval, and a request passes while that time is less than
// burst intervals ahead of the clock. It is a token bucket that needs no refill: a key
// that nobody asks for costs nothing, and one number says all of it.
//
// All of it is pure: time is an argument, in nanoseconds of one monotonic clock that
// all callers share, and nothing here knows of a request. Any goroutine may use it.
//
// Imported by engine; imports the standard library only.
package rate
