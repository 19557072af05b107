// Package health asks backends whether they are well, and keeps what they say.
//
//	definition.go  a health_check, compiled
//	probe.go       one probe: HTTP/1.1, TCP; grpc.go and probestream.go by HTTP/2
//	prober.go      when: the interval, sooner while a verdict is open
//	check.go       what probes see of one backend under one definition, for all pools
//	health.go      the verdict as a state machine
//	opinion.go     what one pool makes of it, with what its own traffic meets
//	status.go      a finished probe, as the admin API shows it
//
// A Check has a mutex; what is read on the hot path is a word of its own. It imports
// pool/attempt for how connections begin, pool/socket, pool/wire and config. What a
// verdict means for picks is package pool's.
package health
