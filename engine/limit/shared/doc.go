// Package shared asks limits that several instances have in common of Redis or Valkey.
//
// [Store.Take] sends one script for all limits of a request (script.go), which lets it
// pass all of them or none, by the clock of the server: those of the instances do not
// matter. Requests that wait at the same time go out in one write (lane.go). Whatever
// the server does, a request waits no longer than the store's timeout: a server that is
// down is noticed after a few requests, and costs nothing until a probe of its own finds
// it back (breaker.go). Then somebody else decides, as the configuration says: the local
// table, or nobody. Start reading at store.go.
//
// The server is Redis 5 or newer, or Valkey, alone or with replicas that take its place.
// In a Redis Cluster all limits of a request would have to lie in one slot; that is not
// supported. A key lives until it is at rest, so memory is bounded by the keys that are
// limited at one time.
//
// Take waits: it is called from a goroutine that may, never from an event loop. Imported
// by stages; imports limit/rate, pool/safely and go-redis.
package shared
