package engine

import (
	"net/netip"
	"sync"
)

// addressCounts counts the open connections of each client address. It is
// touched when a connection opens and closes, never by a request.
type addressCounts struct {
	mu struct {
		sync.Mutex
		open map[netip.Addr]int32
	}
}

// begin counts one more connection of ip unless it has reached limit. IPv6
// clients own whole networks: they are counted by /64.
func (a *addressCounts) begin(ip netip.Addr, limit int32) bool {
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

func (a *addressCounts) end(ip netip.Addr) {
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
