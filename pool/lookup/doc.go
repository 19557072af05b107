// Package lookup asks the DNS for the members of a pool: A, AAAA and SRV
// records with their TTL, which package net does not tell.
//
// Start reading at [Find] (lookup.go), then hosts.go (the hosts file), srv.go, chain.go (aliases) and
// exchange.go (servers, UDP and TCP). Package pool imports it; it keeps nothing.
package lookup
