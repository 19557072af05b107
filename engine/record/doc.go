// Package record keeps what became of the last exchanges, in memory: 256 bytes for each,
// which say what came, where it went, each attempt with its times, and how it ended. It is
// what "why was that request answered so, an hour ago" is answered from.
//
//	record.go    one record, and scale.go the short numbers in it
//	trail.go     what an exchange notes of its attempts while it runs
//	recorder.go  where exchanges put their records: rings for each shard
//	ring.go      one ring, and slowest.go what is kept of the slow ones
//	tap.go       records as they come, for whoever looks on
//	names.go     names of routes, pools and backends as numbers that outlive a reload
//	find.go      what is asked of it, matcher.go which records that means, view.go a record
//	             for readers
//	blame.go     whose time that of the slowest is: blaming.go finds it out, part.go takes the
//	             time of one record apart
//
// Put is called for every exchange: it takes no lock, waits for nobody and allocates
// nothing, but for a page of a ring that is written for the first time. Everything else is
// for whoever looks, in a goroutine of its own.
//
// Imported by engine, engine/accesslog, engine/trace and cmd/run; imports pool/end and the
// standard library.
package record
