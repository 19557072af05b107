// Package replay compares what becomes of requests in two tables, as plain data.
//
// fate.go is what becomes of one request, in short; compare.go counts where two fates
// differ, with examples; blind.go says what a sample of heads does not tell. Start reading
// at Comparison. engine finds the fates, with the exchange that explains.
//
// Imported by engine; imports config, engine/explain, engine/middleware for the outcomes of
// stages, and engine/sample.
package replay
