// Package api holds the JSON values of the admin API: what ctl answers, what
// ctl/client reads and what isame-ctl prints. They are plain values without
// behaviour that costs anything; pools and backends use pool.Status.
//
// Names in JSON are the names of the configuration. Durations are numbers
// with their unit last (uptime_seconds); times are RFC 3339.
package api
