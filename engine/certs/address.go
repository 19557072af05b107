package certs

import (
	"crypto/tls"
	"net"
	"net/netip"
)

// An IP address is no name that a client may ask for (RFC 6066 section 3): who connects to one
// asks for none, and wants a certificate that has the address as a subject. So the address that
// such a client has reached, which is that of our end of its connection, stands for the name.

// addAddresses notes which addresses a certificate of a file is for.
func (s *Store) addAddresses(c *tls.Certificate) {
	for _, ip := range c.Leaf.IPAddresses {
		if address, ok := netip.AddrFromSlice(ip); ok {
			address = address.Unmap()
			s.byAddress[address] = append(s.byAddress[address], c)
		}
	}
}

// Knows reports that there is a certificate for the name that a client asks for, or for the
// address that it has reached where it asks for none; or that one is managed for it.
func (s *Store) Knows(hello *tls.ClientHelloInfo) bool {
	if name := []byte(hello.ServerName); len(name) > 0 {
		return s.named(name) != nil || s.managedFor(name) != nil
	}
	reached := s.reached(hello.Conn)
	return reached.IsValid() && (s.byAddress[reached] != nil || s.managed[reached.String()] != nil)
}

// reached is the address that a connection has reached; the zero value for a unix socket, and
// where no certificate is for an address.
func (s *Store) reached(conn net.Conn) netip.Addr {
	if len(s.byAddress)+len(s.ips) == 0 || conn == nil || conn.LocalAddr() == nil {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// managedAddress is for a client that asks for no name: the one for the address that it has
// reached, else, as there may be an address translation in front of us, the first one that
// there is. ofFiles says that files have that address, which counts more than a guess.
func (s *Store) managedAddress(reached netip.Addr, ofFiles bool) Managed {
	if len(s.ips) == 0 {
		return nil
	}
	if reached.IsValid() {
		if m := s.managed[reached.String()]; m != nil && m.Current() != nil {
			return m
		}
	}
	if ofFiles {
		return nil
	}
	for _, m := range s.ips {
		if m.Current() != nil {
			return m
		}
	}
	return s.ips[0]
}

// isAddress reports that a host is an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
