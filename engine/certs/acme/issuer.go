package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
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
	storage    certmagic.Storage
	challenges *Challenges
	client     *http.Client
	inClear    atomic.Bool   // http-01 can be answered
	orders     chan struct{} // one for each open order

	mu struct {
		sync.Mutex
		account acme.Account // registered; the zero value before
	}
}

func newIssuer(s Section, storage certmagic.Storage, c *Challenges) (*issuer, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.Authorities != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(s.Authorities)) {
			return nil, errNoAuthority
		}
	}
	return &issuer{
		section: s, storage: storage, challenges: c, orders: make(chan struct{}, ordersMax),
		client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: idleTimeout,
		}},
	}, nil
}

var errNoAuthority = errors.New("no certificate in PEM")

// IssuerKey is where the storage keeps what comes from this server.
func (i *issuer) IssuerKey() string {
	return (&certmagic.ACMEIssuer{CA: i.section.Directory}).IssuerKey()
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
	ctx, cancel := context.WithTimeout(ctx, orderMax) // not while others are waited for
	defer cancel()
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
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: chain.ChainPEM, Metadata: chain}, nil
}

func (i *issuer) order(ctx context.Context, csr *x509.CertificateRequest, replaces *x509.Certificate) (acme.Certificate, error) {
	client := i.newClient()
	account, err := i.account(ctx, client.Client)
	if err != nil {
		return acme.Certificate{}, err
	}
	order, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return acme.Certificate{}, fmt.Errorf("cannot order: %w", err)
	}
	order.Replaces = replaces
	chains, err := client.ObtainCertificate(ctx, order)
	if err != nil {
		return acme.Certificate{}, fmt.Errorf("cannot order from %q: %w", i.section.Directory, err)
	}
	if len(chains) == 0 {
		return acme.Certificate{}, fmt.Errorf("cannot order from %q: %w", i.section.Directory, errNoChain)
	}
	return chains[0], nil // the server's own choice
}

var errNoChain = errors.New("the answer holds no certificate")

// newClient is made for each order: it is cheap, the connections are the
// http.Client's, and the ways to answer challenges may have changed.
func (i *issuer) newClient() *acmez.Client {
	client := &acmez.Client{
		Client: &acme.Client{Directory: i.section.Directory, HTTPClient: i.client, UserAgent: "isame"},
		ChallengeSolvers: map[string]acmez.Solver{
			acme.ChallengeTypeTLSALPN01: solver{of: i.challenges, present: i.challenges.presentALPN, remove: i.challenges.removeALPN},
		},
	}
	if i.inClear.Load() {
		client.ChallengeSolvers[acme.ChallengeTypeHTTP01] = solver{
			of: i.challenges, present: i.challenges.presentToken, remove: i.challenges.removeToken,
		}
	}
	return client
}

// GetRenewalInfo asks when the server wants a certificate renewed (RFC 9773).
func (i *issuer) GetRenewalInfo(ctx context.Context, c certmagic.Certificate) (acme.RenewalInfo, error) {
	return i.newClient().GetRenewalInfo(ctx, c.Leaf) //nolint:wrapcheck // certmagic logs it
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
