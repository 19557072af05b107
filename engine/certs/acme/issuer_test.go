package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
)

// refusing is an ACME server that knows accounts and refuses every order, for a
// reason that depends on it. What it has no rule for it refuses for good.
type refusing struct {
	*httptest.Server

	mu struct {
		sync.Mutex
		accounts int
		orders   []string // payloads
		known    int      // accounts numbered below are not known any more
		bindings []string // payloads of accounts with an external one
	}
}

func startRefusing(t *testing.T) *refusing {
	t.Helper()
	s := &refusing{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *refusing) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Replay-Nonce", "nonce")
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/dir":
		_ = json.NewEncoder(w).Encode(map[string]any{
			"newNonce": s.URL + "/nonce", "newAccount": s.URL + "/account", "newOrder": s.URL + "/order",
			"meta": map[string]any{"profiles": map[string]string{"short": "six days", "classic": "90 days"}},
		})
	case "/account":
		if payload := payloadOf(r); strings.Contains(payload, "externalAccountBinding") {
			s.mu.bindings = append(s.mu.bindings, payload)
		}
		w.Header().Set("Location", s.URL+"/account/"+string(rune('a'+s.mu.accounts)))
		s.mu.accounts++
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"status":"valid"}`))
	case "/order":
		s.order(w, r)
	}
}

func (s *refusing) order(w http.ResponseWriter, r *http.Request) {
	var jws struct {
		Protected string `json:"protected"`
		Payload   string `json:"payload"`
	}
	_ = json.NewDecoder(r.Body).Decode(&jws)
	head, _ := base64.RawURLEncoding.DecodeString(jws.Protected)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	s.mu.orders = append(s.mu.orders, string(payload))
	status, kind := http.StatusForbidden, "unauthorized"
	switch {
	case s.mu.known > 0 && strings.Contains(string(head), `/account/a"`):
		status, kind = http.StatusBadRequest, "accountDoesNotExist"
	case strings.Contains(string(payload), `"replaces"`):
		status, kind = http.StatusNotFound, "malformed"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "status": status, "detail": "refused"})
}

// payloadOf is what a request has signed.
func payloadOf(r *http.Request) string {
	var jws struct {
		Payload string `json:"payload"`
	}
	_ = json.NewDecoder(r.Body).Decode(&jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	return string(payload)
}

func (s *refusing) issuer(t *testing.T, folder string) *issuer {
	t.Helper()
	return s.issuerOf(t, folder, Section{})
}

// issuerOf is one of a section, which is completed.
func (s *refusing) issuerOf(t *testing.T, folder string, section Section) *issuer {
	t.Helper()
	section.Directory, section.Email = s.URL+"/dir", "Ops@a.test"
	section.Authorities = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	storage, err := vault.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIssuer(section, storage, &Challenges{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.client.CloseIdleConnections)
	return i
}

// request is a CSR for a host, and a certificate that it could replace.
func request(t *testing.T) (*x509.CertificateRequest, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"a.test"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(5), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour), AuthorityKeyId: []byte{1, 2}}
	if der, err = x509.CreateCertificate(rand.Reader, template, &x509.Certificate{SubjectKeyId: []byte{1, 2}}, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	old, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return csr, old
}

func TestAccountIsRegisteredOnceAndStored(t *testing.T) {
	s, folder := startRefusing(t), t.TempDir()
	csr, _ := request(t)
	first := s.issuer(t, folder)
	for _, i := range []*issuer{first, first, s.issuer(t, folder)} { // the last one is a restart
		if _, err := i.Issue(t.Context(), csr); err == nil || !strings.Contains(err.Error(), "unauthorized") {
			t.Errorf("got %v; want the server's word", err)
		}
	}
	if s.mu.accounts != 1 || len(s.mu.orders) != 3 {
		t.Errorf("%d accounts, %d orders; want 1 and 3", s.mu.accounts, len(s.mu.orders))
	}
	if got := first.accountKey(keyEnding); !strings.HasSuffix(got, "/users/ops@a.test/ops.key") {
		t.Errorf("the account's key is at %s", got)
	}
}

// TestServerThatForgotTheAccount was set up anew since.
func TestServerThatForgotTheAccount(t *testing.T) {
	s := startRefusing(t)
	csr, old := request(t)
	i := s.issuer(t, t.TempDir())
	s.mu.known = 1
	_, err := i.Issue(context.WithValue(t.Context(), replacesKey{}, old), csr)
	if err == nil || !strings.Contains(err.Error(), "unauthorized") || s.mu.accounts != 2 || len(s.mu.orders) != 2 {
		t.Fatalf("got %v, %d accounts, %d orders; want another account, and another order", err, s.mu.accounts, len(s.mu.orders))
	}
	if strings.Contains(s.mu.orders[1], "replaces") {
		t.Error("the new account replaces a certificate of the old one")
	}
}

// TestServerThatDoesNotKnowTheCertificate refuses to replace it.
func TestServerThatDoesNotKnowTheCertificate(t *testing.T) {
	s := startRefusing(t)
	csr, old := request(t)
	i := s.issuer(t, t.TempDir())
	_, err := i.Issue(context.WithValue(t.Context(), replacesKey{}, old), csr)
	if err == nil || !strings.Contains(err.Error(), "unauthorized") || len(s.mu.orders) != 2 {
		t.Fatalf("got %v after %d orders; want a second order", err, len(s.mu.orders))
	}
	if !strings.Contains(s.mu.orders[0], `"replaces"`) || strings.Contains(s.mu.orders[1], `"replaces"`) {
		t.Errorf("orders: %q", s.mu.orders)
	}
}

// TestProfilesAreOrdered has one that is offered, at the first order and at a renewal, and
// one that is not.
func TestProfilesAreOrdered(t *testing.T) {
	s := startRefusing(t)
	csr, old := request(t)
	for _, replaces := range []*x509.Certificate{nil, old} {
		s.mu.orders = nil
		_, err := s.issuerOf(t, t.TempDir(), Section{Profile: "short"}).Issue(context.WithValue(t.Context(), replacesKey{}, replaces), csr)
		if err == nil || len(s.mu.orders) == 0 {
			t.Fatalf("got %v after %d orders", err, len(s.mu.orders))
		}
		for _, order := range s.mu.orders {
			if !strings.Contains(order, `"profile":"short"`) {
				t.Errorf("order %s has not the profile", order)
			}
		}
	}
	s.mu.orders = nil
	_, err := s.issuerOf(t, t.TempDir(), Section{Profile: "long"}).Issue(t.Context(), csr)
	if !errors.Is(err, errNoProfile) || !strings.Contains(err.Error(), `"long"; it offers ["classic" "short"]`) || len(s.mu.orders) > 0 {
		t.Errorf("got %v after %d orders; want what is offered, and none", err, len(s.mu.orders))
	}
}

// TestExternalAccountsAreBound once each; another one makes another account.
func TestExternalAccountsAreBound(t *testing.T) {
	s, folder := startRefusing(t), t.TempDir()
	csr, _ := request(t)
	for i, c := range []struct {
		keyID    string
		accounts int // in all
	}{{"", 1}, {"kid-1", 2}, {"kid-1", 2}, {"kid-2", 3}} {
		if _, err := s.issuerOf(t, folder, Section{KeyID: c.keyID, HMACKey: "c2VjcmV0"}).Issue(t.Context(), csr); err == nil {
			t.Error("a certificate")
		}
		if s.mu.accounts != c.accounts {
			t.Errorf("section %d: %d accounts; want %d", i, s.mu.accounts, c.accounts)
		}
	}
	if len(s.mu.bindings) != 2 {
		t.Errorf("got %d accounts with an external one; want 2", len(s.mu.bindings))
	}
	_, err := s.issuerOf(t, folder, Section{KeyID: "kid-3", HMACKey: "not base64"}).Issue(t.Context(), csr)
	if err == nil || !strings.Contains(err.Error(), `cannot bind to the external account "kid-3"`) {
		t.Errorf("got %v", err)
	}
}

func TestOrderThatWaitsForItsTurnCanBeEnded(t *testing.T) {
	i := startRefusing(t).issuer(t, t.TempDir())
	for range ordersMax {
		i.orders <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Issue(ctx, nil); err == nil {
		t.Error("it went on")
	}
}
