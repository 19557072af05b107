package certs

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// Store is the certificates of one listener: those of files, which never change,
// and those that are managed, which come and go by themselves. It may be used by
// any number of goroutines.
type Store struct {
	byName    map[string][]*tls.Certificate     // lower case; "*.example.org" as it stands
	byAddress map[netip.Addr][]*tls.Certificate // those whose subject it is
	first     []*tls.Certificate                // for everybody else
	all       []Description                     // of files
	files     map[*tls.Certificate]string       // where those were read from
	managed   map[string]Managed                // by host, lower case
	hosts     []string                          // of managed, in the order of the configuration
	ips       []Managed                         // those of hosts that are IP addresses, likewise
}

// Managed is the certificate of one host that somebody obtains and renews. What
// Current returns, nil while there is none, is not changed any more.
type Managed interface {
	Current() *tls.Certificate
	// Renewal is when it will be obtained again, or tried to, the word for what decides
	// that, and why the last attempt failed; nothing while the first one goes on.
	Renewal() (at time.Time, reason, failure string)
}

// Description is what an operator wants to know of a certificate.
type Description struct {
	// Name is the first name it is good for, Names are all.
	Name  string
	Names []string
	// Issuer is the common name of who has signed it, Key the kind of its key.
	Issuer, Key string
	// File is where it was read from, empty for one that is managed.
	File string
	// NotBefore and NotAfter bound its validity.
	NotBefore, NotAfter time.Time
	// Renewal is when one that is managed will be renewed, or an attempt repeated;
	// RenewalBy is what decides that: ari (the server's word), lifetime, or retry.
	Renewal   time.Time
	RenewalBy string
	// Failure is why the last attempt to renew it failed, empty when it did not.
	Failure string
}

// Trouble says what is wrong with the validity at a moment, or nothing.
func (d *Description) Trouble(now time.Time) string {
	switch {
	case now.After(d.NotAfter):
		return "the certificate has expired"
	case now.Before(d.NotBefore):
		return "the certificate is not valid yet"
	}
	return ""
}

// Load reads all pairs; path is the configuration's path of the list, which
// errors begin with. The first pair serves clients that ask for no name and have reached
// no address of a pair, or for a name that no pair is good for.
func Load(path string, pairs []config.Certificate) (*Store, error) {
	s := &Store{
		byName: map[string][]*tls.Certificate{}, byAddress: map[netip.Addr][]*tls.Certificate{}, files: map[*tls.Certificate]string{},
	}
	for i, pair := range pairs {
		c, err := load(fmt.Sprintf("%s[%d]", path, i), pair)
		if err != nil {
			return nil, err
		}
		s.add(c, pair.CertFile)
	}
	for _, known := range s.byName {
		slices.SortStableFunc(known, preferred)
	}
	for _, known := range s.byAddress {
		slices.SortStableFunc(known, preferred)
	}
	return s, nil
}

func load(path string, pair config.Certificate) (*tls.Certificate, error) {
	cert, err := os.ReadFile(pair.CertFile)
	if err != nil {
		return nil, fmt.Errorf("%s.cert_file: cannot read certificate %q: %w", path, pair.CertFile, err)
	}
	key, err := os.ReadFile(pair.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("%s.key_file: cannot read key %q: %w", path, pair.KeyFile, err)
	}
	c, err := config.FitKeyPair(cert, key, pair.CertFile, pair.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("%s.cert_file: cannot use certificate %q with key %q: %w", path, pair.CertFile, pair.KeyFile, err)
	}
	return c, nil
}

func (s *Store) add(c *tls.Certificate, file string) {
	s.files[c] = file
	names := namesOf(c.Leaf)
	for _, name := range names {
		s.byName[name] = append(s.byName[name], c)
	}
	s.addAddresses(c)
	d := Description{File: file}
	d.of(c.Leaf)
	if len(names) > 0 {
		d.Name = names[0]
	}
	s.all = append(s.all, d)
	if len(s.first) == 0 || len(names) > 0 && slices.Contains(namesOf(s.first[0].Leaf), names[0]) {
		s.first = append(s.first, c)
		slices.SortStableFunc(s.first[1:], preferred) // what stands first in the file names the rest
	}
}

// namesOf are the names a certificate is good for: those of its extension, or
// its common name where it has none, as old private authorities do it.
func namesOf(leaf *x509.Certificate) []string {
	var names []string
	for _, name := range leaf.DNSNames {
		names = append(names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && leaf.Subject.CommonName != "" {
		names = append(names, strings.ToLower(leaf.Subject.CommonName))
	}
	return names
}

// preferred puts RSA behind other keys, since a signature costs ten times as much,
// and then the longest valid first: the renewed one, where the old one is left.
func preferred(a, b *tls.Certificate) int {
	return cmp.Or(isRSA(a)-isRSA(b), b.Leaf.NotAfter.Compare(a.Leaf.NotAfter))
}

func isRSA(c *tls.Certificate) int {
	if c.Leaf.PublicKeyAlgorithm == x509.RSA {
		return 1
	}
	return 0
}

// Manage adds a host whose certificate is managed. It must be called before the
// store is used. While there is one it goes before those of files, which serve the
// host meanwhile.
func (s *Store) Manage(host string, m Managed) {
	if s.managed == nil {
		s.managed = map[string]Managed{}
	}
	if s.managed[host] == nil {
		s.hosts = append(s.hosts, host)
		if isAddress(host) {
			s.ips = append(s.ips, m)
		}
	}
	s.managed[host] = m
}

// Managed is what Manage was told of a host, nil for others.
func (s *Store) Managed(host string) Managed { return s.managed[host] }

// Descriptions are all certificates there are now, those of files first, in the
// order of the configuration.
func (s *Store) Descriptions() []Description {
	all := slices.Clone(s.all)
	for _, host := range s.hosts {
		if c := s.managed[host].Current(); c != nil {
			d := s.describe(host)
			d.of(c.Leaf)
			all = append(all, d)
		}
	}
	return all
}

// errNoCertificate ends handshakes that nothing can be shown to.
var errNoCertificate = errors.New("there is no certificate for the name")

// Choose is a tls.Config's GetCertificate. Of the certificates for the name, or for the
// address where the client asks for none, it takes the best one: see best. Where there is
// none those of the first pair's names count.
func (s *Store) Choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := []byte(hello.ServerName)
	m, wild := s.managedExact(name), s.managedWide(name)
	exact, wide := s.exact(name), s.wide(name)
	if len(name) == 0 {
		reached := s.reached(hello.Conn)
		exact = s.byAddress[reached]
		m = s.managedAddress(reached, exact != nil)
	}
	b := best{hello: *hello, now: time.Now()}
	b.hello.ServerName = "" // the names are ours; only the keys are asked for
	if m != nil {
		b.try(m.Current())
	}
	for _, c := range exact {
		b.try(c)
	}
	if wild != nil {
		b.try(wild.Current())
	}
	for _, c := range wide {
		b.try(c)
	}
	if b.cert == nil {
		for _, c := range s.first {
			b.try(c)
		}
	}
	switch {
	case b.cert != nil:
		return b.cert, nil
	case m != nil || wild != nil:
		return nil, fmt.Errorf("%w: the ACME server has not issued one for %q yet", errNoCertificate, hello.ServerName)
	}
	return s.chooseManaged(hello)
}

// best keeps the best of the certificates it is shown: one that the client can
// verify, by the kind of its key, before one that it cannot; then one that is valid
// now before one that has expired or is not valid yet; then the one that was shown
// first. Even a bad one is better than none: the handshake says what is missing.
type best struct {
	hello tls.ClientHelloInfo
	now   time.Time
	cert  *tls.Certificate
	score int
}

func (b *best) try(c *tls.Certificate) {
	const verifiable, valid = 2, 1
	if c == nil || b.score == verifiable|valid {
		return
	}
	score := 0
	if b.hello.SupportsCertificate(c) == nil {
		score |= verifiable
	}
	if !b.now.Before(c.Leaf.NotBefore) && !b.now.After(c.Leaf.NotAfter) {
		score |= valid
	}
	if b.cert == nil || score > b.score {
		b.cert, b.score = c, score
	}
}

// chooseManaged is for clients without a name of ours where there are no files:
// the first host serves them, as the first pair of files does.
func (s *Store) chooseManaged(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if m := s.firstManaged(); m != nil {
		if c := m.Current(); c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", errNoCertificate, hello.ServerName)
}

func (s *Store) firstManaged() Managed {
	if len(s.hosts) == 0 {
		return nil
	}
	return s.managed[s.hosts[0]]
}

// nameBytesMax is the longest DNS name.
const nameBytesMax = 253

// named are the certificates for a name, exact ones before those for all names
// of its domain; nil when there is none. It allocates nothing.
func (s *Store) named(name []byte) []*tls.Certificate {
	if known := s.exact(name); known != nil {
		return known
	}
	return s.wide(name)
}

// exact are the certificates that have the name itself.
func (s *Store) exact(name []byte) []*tls.Certificate { return exactOf(s.byName, name) }

// wide are those for all names of its domain.
func (s *Store) wide(name []byte) []*tls.Certificate { return wideOf(s.byName, name) }

// exactOf is what stands under a name of any case.
func exactOf[V any](byName map[string]V, name []byte) V {
	var room [nameBytesMax]byte
	return byName[string(fold(&room, name))]
}

// wideOf is what stands under the wildcard for all names of its domain.
func wideOf[V any](byName map[string]V, name []byte) (none V) {
	var room [nameBytesMax]byte
	lower := fold(&room, name)
	dot := bytes.IndexByte(lower, '.')
	if dot < 1 {
		return none
	}
	lower[dot-1] = '*'
	return byName[string(lower[dot-1:])]
}

// fold writes a name in lower case into room; nil is what is no name.
func fold(room *[nameBytesMax]byte, name []byte) []byte {
	if len(name) == 0 || len(name) > len(room) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		room[i] = c
	}
	return room[:len(name)]
}

// Misdirected reports that a request for host came over a connection that was
// opened for another name, and that the two have no certificate in common
// although host has one: it belongs to somebody else (RFC 9110 section 7.4).
// sni is empty for a client that named nobody. It allocates nothing.
func (s *Store) Misdirected(sni string, host []byte) bool {
	if sni == "" || string(host) == sni {
		return false
	}
	of, ofManaged := s.named(host), s.managedFor(host)
	if of == nil && ofManaged == nil {
		return false
	}
	var room [nameBytesMax]byte
	name := room[:copy(room[:], sni)]
	if m := s.managedFor(name); m != nil && (m == ofManaged || m.Current() != nil) {
		return m != ofManaged && m != s.managedWide(host) // it is good for one name, or for all of a domain
	}
	used := s.named(name)
	if used == nil {
		used = s.first
	}
	if len(used) == 0 {
		return ofManaged != s.firstManaged()
	}
	for _, c := range used {
		if slices.Contains(of, c) {
			return false
		}
	}
	return true
}
