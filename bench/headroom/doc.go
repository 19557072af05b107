// Package headroom holds what isame-lb says of its headroom against a search for the knee: a
// proxy on one core is asked at a quarter, a half and 70 % of what it can do, and then searched.
// Cases (case.go) differ in what runs out first. Start reading at check.go.
//
// Imported by bench/cli.
package headroom
