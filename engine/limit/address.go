// Package limit bounds what clients may have of a listener.
//
// Addresses counts open connections by the client's address, Arrivals those that begin,
// Rate what happens within a second, and OncePerSecond keeps logs short. It is pure:
// nothing here knows of a connection, and time is an argument. What clients may have of a
// route is decided by limit/rate.
//
// Imported by engine; imports limit/rate only.
package limit

import (
	"net/netip"
	"sync"
)

// Addresses counts the open connections of each client address. It is touched
// when a connection opens and closes, never by a request. The zero value has
// counted none; any goroutine may use it.
type Addresses struct {
	mu struct {
		sync.Mutex
		open map[netip.Addr]int32
	}
}

// Begin counts one more connection of ip unless it has reached limit. IPv6
// clients own whole networks: they are counted by /64.
func (a *Addresses) Begin(ip netip.Addr, limit int32) bool {
	ip = countedAs(ip)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.open == nil {
		a.mu.open = map[netip.Addr]int32{}
	}
	if a.mu.open[ip] >= limit {
		return false
	}
	a.mu.open[ip]++
	return true
}

// End takes back one that Begin has counted. Nothing is kept of an address that has
// no connection.
func (a *Addresses) End(ip netip.Addr) {
	ip = countedAs(ip)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.open[ip]--
	if a.mu.open[ip] <= 0 {
		delete(a.mu.open, ip)
	}
}

func countedAs(ip netip.Addr) netip.Addr {
	if !ip.Is6() {
		return ip
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip
	}
	return p.Addr()
}
