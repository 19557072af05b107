package certs

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// spec is a certificate to be made.
type spec struct {
	names []string
	cn    string
	key   string        // ecdsa, rsa or ed25519
	from  time.Duration // of its validity, from now
	until time.Duration // likewise; 0 is an hour
}

func newKey(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// write makes a pair of files.
func write(t *testing.T, s spec) config.Certificate {
	t.Helper()
	key := newKey(t, s.key)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: s.cn},
		NotBefore: time.Now().Add(min(s.from, 0)), NotAfter: time.Now().Add(cmp.Or(s.until, time.Hour)),
	}
	if s.from > 0 {
		template.NotBefore = time.Now().Add(s.from)
	}
	for _, name := range s.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := config.Certificate{CertFile: filepath.Join(dir, "a.pem"), KeyFile: filepath.Join(dir, "a.key")}
	for file, block := range map[string]*pem.Block{
		c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// store loads a Store of all specs.
func store(t *testing.T, specs ...spec) *Store {
	t.Helper()
	var pairs []config.Certificate
	for _, s := range specs {
		pairs = append(pairs, write(t, s))
	}
	s, err := Load("certificates", pairs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// chosen does a handshake and returns the certificate the client got.
func chosen(t *testing.T, s *Store, client *tls.Config) *x509.Certificate {
	t.Helper()
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	server := tls.Server(a, &tls.Config{GetCertificate: s.Choose})
	errs := make(chan error, 1)
	go func() { errs <- server.HandshakeContext(context.Background()) }()
	client.InsecureSkipVerify = true
	c := tls.Client(b, client)
	if err := c.HandshakeContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0]
}

func TestChoose(t *testing.T) {
	s := store(t,
		spec{names: []string{"first.test", "www.first.test"}},
		spec{names: []string{"*.wild.test"}},
		spec{names: []string{"exact.wild.test"}},
		spec{cn: "common.test"},
		spec{names: []string{"MiXed.test"}},
	)
	for _, c := range []struct{ sni, want string }{
		{"", "first.test"},
		{"www.first.test", "first.test"},
		{"elsewhere.test", "first.test"},
		{"a.wild.test", "*.wild.test"},
		{"A.WILD.test", "*.wild.test"},
		{"exact.wild.test", "exact.wild.test"},
		{"wild.test", "first.test"},
		{"a.b.wild.test", "first.test"},
		{"common.test", "common.test"},
		{"mixed.TEST", "MiXed.test"},
		{strings.Repeat("a", 250) + ".test", "first.test"},
	} {
		t.Run(c.sni, func(t *testing.T) {
			got, err := s.Choose(&tls.ClientHelloInfo{ServerName: c.sni})
			if err != nil {
				t.Fatal(err)
			}
			name := got.Leaf.Subject.CommonName
			if len(got.Leaf.DNSNames) > 0 {
				name = got.Leaf.DNSNames[0]
			}
			if name != c.want {
				t.Errorf("got the certificate of %s; want %s", name, c.want)
			}
		})
	}
}

// TestChooseFitsTheKeysOfTheClient has two certificates for a name, and for
// clients that name nobody.
// A certificate that clients will refuse is shown only where there is no better one.
func TestChooseTakesTheBestOfAName(t *testing.T) {
	const day = 24 * time.Hour
	exact, wide := []string{"a.test"}, []string{"*.test"}
	expired, future := spec{from: -2 * day, until: -day}, spec{from: day, until: 2 * day}
	as := func(s spec, cn string, names []string, key string) spec {
		s.cn, s.names, s.key = cn, names, key
		return s
	}
	onlyRSA := &tls.Config{ServerName: "a.test", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	for _, tc := range []struct {
		name   string
		specs  []spec
		client *tls.Config
		want   string
	}{
		{"valid before expired", []spec{as(expired, "old", exact, ""), as(spec{}, "new", exact, "")}, nil, "new"},
		{"valid before not yet valid", []spec{as(future, "next", exact, ""), as(spec{}, "now", exact, "")}, nil, "now"},
		{"valid RSA before expired ECDSA", []spec{as(expired, "old", exact, ""), as(spec{}, "rsa", exact, "rsa")}, nil, "rsa"},
		{"valid wildcard before expired exact", []spec{as(expired, "old", exact, ""), as(spec{}, "wide", wide, "")}, nil, "wide"},
		{"exact before wildcard", []spec{as(spec{until: day}, "wide", wide, ""), as(spec{}, "exact", exact, "")}, nil, "exact"},
		{"expired exact before expired wildcard", []spec{as(expired, "wide", wide, ""), as(expired, "exact", exact, "")}, nil, "exact"},
		{"expired before somebody else's", []spec{as(spec{}, "other", []string{"b.test"}, ""), as(expired, "old", exact, "")}, nil, "old"},
		{"the latest end", []spec{as(spec{}, "short", exact, ""), as(spec{until: day}, "long", exact, "")}, nil, "long"},
		{"RSA of the wildcard for a client without ECDSA", []spec{as(spec{}, "exact", exact, ""), as(spec{}, "wide", wide, "rsa")}, onlyRSA, "wide"},
		{"valid among the first", []spec{as(expired, "old", []string{"d.test", "x"}, ""), as(spec{}, "new", []string{"d.test"}, "")}, &tls.Config{ServerName: "nobody.example"}, "new"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := tc.client
			if client == nil {
				client = &tls.Config{ServerName: "a.test"}
			}
			if got := chosen(t, store(t, tc.specs...), client.Clone()).Subject.CommonName; got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

func TestChooseFitsTheKeysOfTheClient(t *testing.T) {
	s := store(t, spec{names: []string{"a.test"}, key: "rsa"}, spec{names: []string{"a.test"}, key: "ecdsa"}, spec{names: []string{"b.test"}})
	for _, c := range []struct {
		name, sni string
		suites    []uint16
		want      x509.PublicKeyAlgorithm
	}{
		{"both", "a.test", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, x509.ECDSA},
		{"RSA only", "a.test", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, x509.RSA},
		{"ECDSA only", "a.test", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, x509.ECDSA},
		{"RSA only, unknown name", "elsewhere.test", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, x509.RSA},
		{"ECDSA only, unknown name", "elsewhere.test", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, x509.ECDSA},
		{"ECDSA only, no name", "", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, x509.ECDSA},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := chosen(t, s, &tls.Config{ServerName: c.sni, CipherSuites: c.suites, MaxVersion: tls.VersionTLS12})
			if got.PublicKeyAlgorithm != c.want || got.DNSNames[0] != "a.test" {
				t.Errorf("got %v of %v; want %v of a.test", got.PublicKeyAlgorithm, got.DNSNames, c.want)
			}
		})
	}
	if got := chosen(t, s, &tls.Config{ServerName: "b.test"}); got.DNSNames[0] != "b.test" {
		t.Errorf("got %v; want b.test", got.DNSNames)
	}
}

func TestMisdirected(t *testing.T) {
	s := store(t,
		spec{names: []string{"a.test", "also-a.test"}}, spec{names: []string{"b.test", "*.b.test"}},
		spec{names: []string{"b.test"}, key: "ed25519"}, spec{names: []string{"192.0.2.1"}},
	)
	for _, c := range []struct {
		name, sni, host string
		want            bool
	}{
		{"same", "a.test", "a.test", false},
		{"same in other letters", "a.test", "A.Test", false},
		{"no name", "", "b.test", false},
		{"one certificate for both", "a.test", "also-a.test", false},
		{"one of several in common", "x.b.test", "b.test", false},
		{"another tenant", "a.test", "b.test", true},
		{"another tenant by wildcard", "a.test", "x.b.test", true},
		{"the other way round", "x.b.test", "a.test", true},
		{"a host of nobody", "a.test", "c.test", false},
		{"a name of nobody, the first one's host", "c.test", "a.test", false},
		{"a name of nobody, another one's host", "c.test", "b.test", true},
		{"an address of another one", "a.test", "192.0.2.1", true},
		{"an address of nobody", "a.test", "192.0.2.2", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := s.Misdirected(c.sni, []byte(c.host)); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
	host := []byte("x.b.test")
	if n := testing.AllocsPerRun(100, func() { s.Misdirected("a.test", host) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

// hosted is a managed certificate that comes and goes.
type hosted struct{ current *tls.Certificate }

func (h *hosted) Current() *tls.Certificate { return h.current }

func (h *hosted) Renewal() (at time.Time, reason, failure string) { return time.Time{}, "", "" }

// issued is a certificate for a name.
func issued(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	pair := write(t, spec{names: []string{name}})
	c, err := tls.LoadX509KeyPair(pair.CertFile, pair.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestManagedCertificatesGoFirst(t *testing.T) {
	a, b := &hosted{}, &hosted{}
	files, bare := store(t, spec{names: []string{"first.test"}}, spec{names: []string{"a.test"}}), store(t)
	for _, s := range []*Store{files, bare} {
		s.Manage("a.test", a)
		s.Manage("b.test", b)
		s.Manage("b.test", b)
	}
	choose := func(s *Store, sni string) string {
		c, err := s.Choose(&tls.ClientHelloInfo{ServerName: sni})
		switch {
		case err != nil:
			return err.Error()
		case c == a.current || c == b.current:
			return "managed " + c.Leaf.DNSNames[0]
		}
		return c.Leaf.DNSNames[0]
	}
	check := func(s *Store, wants map[string]string) {
		t.Helper()
		for sni, want := range wants {
			if got := choose(s, sni); got != want {
				t.Errorf("%q: got %s; want %s", sni, got, want)
			}
		}
	}
	const none = `there is no certificate for the name: `
	check(files, map[string]string{"a.test": "a.test", "b.test": "first.test", "": "first.test", "c.test": "first.test"})
	check(bare, map[string]string{"a.test": none + `the ACME server has not issued one for "a.test" yet`, "": none + `""`, "c.test": none + `"c.test"`})
	if got := len(files.Descriptions()); got != 2 {
		t.Errorf("%d descriptions; want 2", got)
	}
	a.current, b.current = issued(t, "a.test"), issued(t, "b.test")
	check(files, map[string]string{"A.test": "managed a.test", "b.test": "managed b.test", "": "first.test", "c.test": "first.test"})
	check(bare, map[string]string{"a.TEST": "managed a.test", "b.test": "managed b.test", "": "managed a.test", "c.test": "managed a.test"})
	all := files.Descriptions()
	if len(all) != 4 || all[3].Name != "b.test" || all[3].File != "" || !all[3].NotAfter.Equal(b.current.Leaf.NotAfter) {
		t.Errorf("descriptions: got %+v", all)
	}
	if files.Managed("a.test") != a || files.Managed("first.test") != nil {
		t.Error("Managed does not tell what Manage was told")
	}
}

func TestMisdirectedBetweenManagedHosts(t *testing.T) {
	a, b, pending := &hosted{current: issued(t, "a.test")}, &hosted{current: issued(t, "b.test")}, &hosted{}
	files, bare := store(t, spec{names: []string{"file.test", "pending.test"}}), store(t)
	for _, s := range []*Store{files, bare} {
		s.Manage("a.test", a)
		s.Manage("b.test", b)
		s.Manage("pending.test", pending)
	}
	for _, c := range []struct {
		name, sni, host string
		files, bare     bool
	}{
		{"same", "a.test", "A.test", false, false},
		{"another host", "a.test", "b.test", true, true},
		{"of files", "a.test", "file.test", true, false},
		{"from files", "file.test", "a.test", true, false}, // bare: nobody's name, the first host's certificate
		{"to one that files serve meanwhile", "file.test", "pending.test", false, true},
		{"from one that files serve meanwhile", "pending.test", "file.test", false, false},
		{"same, meanwhile", "pending.test", "PENDING.test", false, false},
		{"a host of nobody", "a.test", "c.test", false, false},
		{"a name of nobody", "c.test", "b.test", true, true},
	} {
		for _, s := range []struct {
			kind  string
			store *Store
			want  bool
		}{{"files", files, c.files}, {"bare", bare, c.bare}} {
			if got := s.store.Misdirected(c.sni, []byte(c.host)); got != s.want {
				t.Errorf("%s, %s: got %v; want %v", c.name, s.kind, got, s.want)
			}
		}
	}
	host := []byte("b.test")
	if n := testing.AllocsPerRun(100, func() { files.Misdirected("a.test", host) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	good, other := write(t, spec{names: []string{"a.test"}}), write(t, spec{names: []string{"b.test"}})
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		pair       config.Certificate
		is         error
	}{
		{"no certificate", `x.certificates[1].cert_file: cannot read certificate "/nowhere"`, config.Certificate{CertFile: "/nowhere", KeyFile: good.KeyFile}, fs.ErrNotExist},
		{"no key", `x.certificates[1].key_file: cannot read key "/nowhere"`, config.Certificate{CertFile: good.CertFile, KeyFile: "/nowhere"}, fs.ErrNotExist},
		{"another one's key", "private key does not match public key", config.Certificate{CertFile: good.CertFile, KeyFile: other.KeyFile}, nil},
		{"not PEM", `x.certificates[1].cert_file: cannot use certificate "` + text, config.Certificate{CertFile: text, KeyFile: good.KeyFile}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load("x.certificates", []config.Certificate{good, c.pair})
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
}

func TestTroubleNamesTheValidity(t *testing.T) {
	s := store(t, spec{names: []string{"a.test"}}, spec{})
	d := s.Descriptions()[0]
	if d.Name != "a.test" || !strings.HasSuffix(d.File, "a.pem") || s.Descriptions()[1].Name != "" {
		t.Errorf("got %+v", s.Descriptions())
	}
	d.NotBefore = d.NotAfter.Add(-time.Hour)
	for _, c := range []struct {
		at   time.Duration
		want string
	}{{-30 * time.Minute, ""}, {time.Minute, "expired"}, {-2 * time.Hour, "not valid yet"}} {
		if got := d.Trouble(d.NotAfter.Add(c.at)); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("at %v: got %q; want %q", c.at, got, c.want)
		}
	}
}

func FuzzNamed(f *testing.F) {
	s := &Store{byName: map[string][]*tls.Certificate{"a.test": {{}}, "*.test": {{}}, "*.b.test": {{}}}}
	for _, name := range []string{"a.test", ".test", "*.test", "x.b.test", "", "x", strings.Repeat("a.", 130)} {
		f.Add([]byte(name))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		before := bytes.Clone(name)
		got := s.named(name)
		if !bytes.Equal(name, before) {
			t.Error("the name was changed")
		}
		lower := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, string(name))
		want := s.byName[lower]
		if first, rest, ok := strings.Cut(lower, "."); want == nil && ok && first != "" {
			want = s.byName["*."+rest]
		}
		if len(name) <= nameBytesMax && len(got) != len(want) {
			t.Errorf("%q: got %d certificates; want %d", name, len(got), len(want))
		}
	})
}
