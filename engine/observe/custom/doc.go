// Package custom holds the metrics of users: those of count stages, and those of programs that
// run isame-lb with middleware of their own.
//
// Start reading in program.go, which such a program calls: NewCounter, NewGauge,
// NewHistogram, each once, and With for each set of label values. The metrics library has
// their numbers, as it is good at what is named while a program runs. series.go counts for
// stages, in whose place the library would take a lock for each request.
//
// Both are bounded: beyond so many series, the values of all labels are "other".
//
// Imported by engine/observe, engine/middleware and programs of users; imports engine/observe/expose and pool/stat.
package custom
