package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs/acme/dns01"
	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
)

// ordersMax is how many orders of one section are open at a time.
const ordersMax = 4

// Times of one request to the server; the whole order has orderMax.
const (
	requestTimeout = 30 * time.Second
	idleTimeout    = 10 * time.Second
)

// issuer asks the ACME server of a section for certificates.
type issuer struct {
	section    Section
	storage    vault.Storage
	challenges *Challenges
	records    *dns01.Solver // nil without acme.dns
	client     *http.Client
	counted    func(host string, issued bool)
	inClear    atomic.Bool   // http-01 can be answered
	orders     chan struct{} // one for each open order

	mu struct {
		sync.Mutex
		account acme.Account // registered; the zero value before
	}
}

func newIssuer(s Section, storage vault.Storage, c *Challenges, log zerolog.Logger) (*issuer, error) {
	client := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.Authorities != "" {
		client.RootCAs = x509.NewCertPool()
		if !client.RootCAs.AppendCertsFromPEM([]byte(s.Authorities)) {
			return nil, errNoAuthority
		}
	}
	i := &issuer{
		section: s, storage: storage, challenges: c, orders: make(chan struct{}, ordersMax), counted: func(string, bool) {},
		client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: client, ForceAttemptHTTP2: true, IdleConnTimeout: idleTimeout,
		}},
	}
	if s.DNS.Provider != "" {
		var err error
		if i.records, err = dns01.New(s.DNS, log); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// close drops connections that are kept.
func (i *issuer) close() {
	i.client.CloseIdleConnections()
	if i.records != nil {
		i.records.Close()
	}
}

var errNoAuthority = errors.New("no certificate in PEM")

// IssuerKey is where the storage keeps what the section obtains.
func (i *issuer) IssuerKey() string { return i.section.shelf() }

// subject is the host that a CSR is about.
func subject(csr *x509.CertificateRequest) string {
	if len(csr.IPAddresses) > 0 {
		return csr.IPAddresses[0].String()
	}
	return csr.DNSNames[0]
}

// replacesKey is the context's key of the certificate that will be replaced.
type replacesKey struct{}

// Issue orders a certificate.
func (i *issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	select {
	case i.orders <- struct{}{}:
		defer func() { <-i.orders }()
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // it says all there is
	}
	ctx, cancel := context.WithTimeout(ctx, i.section.orderTime()) // not while others are waited for
	defer cancel()
	if err := i.heldOff(ctx, subject(csr)); err != nil {
		return nil, err
	}
	replaces, _ := ctx.Value(replacesKey{}).(*x509.Certificate)
	chain, err := i.order(ctx, csr, replaces)
	if isProblem(err, acme.ProblemTypeAccountDoesNotExist) { // the server was set up anew
		if err = i.forgetAccount(ctx); err == nil {
			chain, err = i.order(ctx, csr, nil)
		}
	} else if replaces != nil && refusesReplacement(err) {
		chain, err = i.order(ctx, csr, nil)
	}
	if err != nil {
		i.holdOff(ctx, subject(csr), err)
		return nil, err
	}
	i.counted(subject(csr), true)
	return &certmagic.IssuedCertificate{Certificate: chain.ChainPEM, Metadata: chain}, nil
}

func (i *issuer) order(ctx context.Context, csr *x509.CertificateRequest, replaces *x509.Certificate) (acme.Certificate, error) {
	client := i.newClient(len(csr.IPAddresses) > 0)
	if err := i.offers(ctx, client.Client); err != nil {
		return acme.Certificate{}, err
	}
	account, err := i.account(ctx, client.Client)
	if err != nil {
		return acme.Certificate{}, err
	}
	order, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return acme.Certificate{}, fmt.Errorf("cannot order: %w", err)
	}
	order.Replaces, order.Profile = replaces, i.section.Profile
	chains, err := client.ObtainCertificate(ctx, order)
	if err != nil {
		return acme.Certificate{}, fmt.Errorf("cannot order from %q: %w", config.ShownURL(i.section.Directory), err)
	}
	if len(chains) == 0 {
		return acme.Certificate{}, fmt.Errorf("cannot order from %q: %w", config.ShownURL(i.section.Directory), errNoChain)
	}
	return chains[0], nil // the server's own choice
}

var errNoChain = errors.New("the answer holds no certificate")

var errNoProfile = errors.New("the directory does not offer the profile")

// offers makes sure that the directory has the profile of the section. The library keeps
// what a directory says for up to twelve hours.
func (i *issuer) offers(ctx context.Context, client *acme.Client) error {
	if i.section.Profile == "" {
		return nil
	}
	directory, err := client.GetDirectory(ctx)
	if err != nil {
		return fmt.Errorf("cannot ask %q for its profiles: %w", config.ShownURL(i.section.Directory), err)
	}
	var offered []string
	if directory.Meta != nil {
		offered = slices.Sorted(maps.Keys(directory.Meta.Profiles))
	}
	if !slices.Contains(offered, i.section.Profile) {
		return fmt.Errorf("cannot order from %q: %w %q; it offers %q",
			config.ShownURL(i.section.Directory), errNoProfile, i.section.Profile, offered)
	}
	return nil
}

// newClient is made for each order: it is cheap, the connections are the
// http.Client's, and the ways to answer challenges may have changed. There are no
// records for an IP address (RFC 8738 section 7).
func (i *issuer) newClient(forAddress bool) *acmez.Client {
	client := &acmez.Client{
		Client: &acme.Client{Directory: i.section.Directory, HTTPClient: i.client, UserAgent: "isame"},
	}
	if i.records != nil && !forAddress {
		client.ChallengeSolvers = map[string]acmez.Solver{acme.ChallengeTypeDNS01: i.records}
		return client
	}
	client.ChallengeSolvers = map[string]acmez.Solver{
		acme.ChallengeTypeTLSALPN01: solver{i.challenges, acme.ChallengeTypeTLSALPN01},
	}
	if i.inClear.Load() {
		client.ChallengeSolvers[acme.ChallengeTypeHTTP01] = solver{i.challenges, acme.ChallengeTypeHTTP01}
	}
	return client
}

// GetRenewalInfo asks when the server wants a certificate renewed (RFC 9773).
func (i *issuer) GetRenewalInfo(ctx context.Context, c certmagic.Certificate) (acme.RenewalInfo, error) {
	return i.newClient(false).GetRenewalInfo(ctx, c.Leaf) //nolint:wrapcheck // certmagic logs it
}

func isProblem(err error, kind string) bool {
	var p acme.Problem
	return errors.As(err, &p) && p.Type == kind
}

// refusesReplacement reports that the server may have disliked an order for the
// certificate it replaces, which it need not know any more, and nothing else: no
// validation failed, and it is not that we ask too often.
func refusesReplacement(err error) bool {
	var p acme.Problem
	if !errors.As(err, &p) {
		return false
	}
	_, validated := p.Resource.(acme.Authorization)
	return !validated && (p.Status == http.StatusBadRequest || p.Status == http.StatusNotFound || p.Status == http.StatusConflict)
}
