// Package dns01 answers the challenges of an ACME server by TXT records (RFC 8555
// section 8.4), which is the only way to a certificate for a wildcard, and one that
// asks for no open port.
//
//	Present   follow the CNAMEs of _acme-challenge.NAME, find the zone, add the record
//	Wait      ask the zone's name servers until all of them show it
//	CleanUp   remove it, whatever has become of the order, also while the proxy ends
//
// A Solver is for one acme.dns section and any number of orders at a time. Several
// orders may have records of the same name (a domain and its wildcard): providers add
// and remove one value and leave the others alone.
//
// Each provider is a file: cloudflare.go and route53.go by the providers' APIs,
// rfc2136.go by updates that name servers take, exec.go by a program. A further one
// implements provider, stands in newProvider, and has its keys in package config.
//
// Start reading at solver.go. Imported by engine/certs/acme.
package dns01
