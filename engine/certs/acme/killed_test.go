package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/certs/acme/vault"
	"github.com/isame-lb/isame-lb/pool/rig/kill"
)

// renewed are the values of a certificate with a number, in the order in which certmagic stores them.
func renewed(n int) (names []string, values [][]byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(n)), DNSNames: []string{"a.test"}, NotBefore: time.Now(), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	private, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	meta, err := json.Marshal(certmagic.CertificateResource{SANs: []string{"a.test"}})
	if err != nil {
		return nil, nil, err
	}
	keys := certmagic.StorageKeys
	return []string{keys.SitePrivateKey("test", "a.test"), keys.SiteCert("test", "a.test"), keys.SiteMeta("test", "a.test")},
		[][]byte{private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), meta}, nil
}

// TestCertificatesAfterKill: a process that is killed while it stores a certificate leaves the old one or
// the new one, never the key of one beside the chain of the other.
func TestCertificatesAfterKill(t *testing.T) {
	kill.Disk{
		Open: func(t *testing.T, dir string) func(int) error {
			t.Helper()
			folder, err := vault.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			storage := vault.New(folder)
			return func(n int) error {
				names, values, err := renewed(n)
				for i := range names {
					err = errors.Join(err, storage.Store(t.Context(), names[i], values[i]))
				}
				return err
			}
		},
		Read: func(t *testing.T, dir string) int {
			t.Helper()
			k, log := keeper(t, dir, newAuthority(t, time.Hour))
			c := k.Host("a.test").Current()
			if c == nil {
				t.Fatalf("there is no certificate: %s", log)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "certificates", "test", "a.test", "replacing*")); len(left) > 0 {
				t.Errorf("%q is left behind", left)
			}
			return int(c.Leaf.SerialNumber.Int64())
		},
	}.Run(t)
}

// TestAccountAfterKill: key and text of an account are of one account.
func TestAccountAfterKill(t *testing.T) {
	open := func(t *testing.T, dir string) *issuer {
		t.Helper()
		folder, err := vault.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		i, err := newIssuer(Section{Directory: "https://acme.test/dir"}, vault.New(folder), &Challenges{}, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	kill.Disk{
		Open: func(t *testing.T, dir string) func(int) error {
			t.Helper()
			i := open(t, dir)
			return func(n int) error {
				key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
				if err != nil {
					return err
				}
				return i.storeAccount(t.Context(), acme.Account{Orders: key.X.String(), Location: big.NewInt(int64(n)).String(), PrivateKey: key}, key)
			}
		},
		Read: func(t *testing.T, dir string) int {
			t.Helper()
			account, err := open(t, dir).loadAccount(t.Context())
			if errors.Is(err, fs.ErrNotExist) {
				return 0
			}
			if err != nil {
				t.Fatal(err)
			}
			key, _ := account.PrivateKey.(*ecdsa.PrivateKey)
			if key == nil || key.X.String() != account.Orders {
				t.Fatal("the key is that of another account")
			}
			n, _ := new(big.Int).SetString(account.Location, 10)
			return int(n.Int64())
		},
	}.Run(t)
}
