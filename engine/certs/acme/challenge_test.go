package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"
	"go.uber.org/zap"

	"github.com/isame-lb/isame-lb/engine/certs/acme/dns01"
)

// solvers are those of a section, by kind.
func solversOf(t *testing.T, c *Challenges, inClear bool) map[string]solver {
	t.Helper()
	i, err := newIssuer(Section{Directory: "https://acme.test/dir"}, nil, c, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	i.inClear.Store(inClear)
	all := map[string]solver{}
	for kind, s := range i.newClient(false).ChallengeSolvers {
		one, ok := s.(solver)
		if !ok {
			t.Fatalf("%s: got a %T", kind, s)
		}
		all[kind] = one
	}
	return all
}

func TestChallengesInClearText(t *testing.T) {
	var c Challenges
	if _, ok := solversOf(t, &c, false)[acme.ChallengeTypeHTTP01]; ok {
		t.Error("http-01 is offered although nobody listens in clear text")
	}
	s := solversOf(t, &c, true)[acme.ChallengeTypeHTTP01]
	one, two := acme.Challenge{Token: "one", KeyAuthorization: "one.key"}, acme.Challenge{Token: "two", KeyAuthorization: "two.key"}
	for _, a := range []acme.Challenge{one, two} {
		if err := s.Present(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		pathPrefix + "one": "one.key", pathPrefix + "two": "two.key", pathPrefix + "three": "", pathPrefix: "", "/one": "", "": "", pathPrefix + "one/": "",
	} {
		if got := c.KeyAuthorization([]byte(path)); got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
	path := []byte(pathPrefix + "one")
	if n := testing.AllocsPerRun(100, func() { c.KeyAuthorization(path) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
	for _, a := range []acme.Challenge{one, one, two} {
		if err := s.CleanUp(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if c.KeyAuthorization(path) != "" || c.tokens.Load() != nil {
		t.Error("something is left")
	}
}

func TestChallengesInTLS(t *testing.T) {
	var c Challenges
	s := solversOf(t, &c, false)[acme.ChallengeTypeTLSALPN01]
	a := acme.Challenge{KeyAuthorization: "a.key", Identifier: acme.Identifier{Type: "dns", Value: "a.test"}}
	if err := s.Present(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		sni    string
		protos []string
		want   bool
	}{
		{"asked for", "A.test", []string{Protocol}, true},
		{"another name", "b.test", []string{Protocol}, false},
		{"among others", "a.test", []string{"http/1.1", Protocol}, false},
		{"a browser", "a.test", []string{"h2", "http/1.1"}, false},
		{"nothing", "a.test", nil, false},
	} {
		if got := c.Config(&tls.ClientHelloInfo{ServerName: tc.sni, SupportedProtos: tc.protos}); (got != nil) != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
	leaf := handshake(t, c.Config(&tls.ClientHelloInfo{ServerName: "a.test", SupportedProtos: []string{Protocol}}))
	marked := false
	for _, e := range leaf.PeerCertificates[0].Extensions {
		marked = marked || e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical
	}
	if !marked || leaf.NegotiatedProtocol != Protocol || leaf.PeerCertificates[0].VerifyHostname("a.test") != nil {
		t.Error("the certificate is not the challenge's")
	}
	if err := s.CleanUp(t.Context(), a); err != nil || c.names.Load() != nil {
		t.Errorf("got %v; want nothing left", err)
	}
}

// TestChallengesOfAddresses: the server asks for the name of the address in the reverse DNS.
func TestChallengesOfAddresses(t *testing.T) {
	var c Challenges
	s := solversOf(t, &c, false)[acme.ChallengeTypeTLSALPN01]
	for address, sni := range map[string]string{
		"192.0.2.1":   "1.2.0.192.in-addr.arpa",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		a := acme.Challenge{KeyAuthorization: "a.key", Identifier: acme.Identifier{Type: "ip", Value: address}}
		if err := s.Present(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		config := c.Config(&tls.ClientHelloInfo{ServerName: sni, SupportedProtos: []string{Protocol}})
		if config == nil || config.Certificates[0].Leaf.VerifyHostname(address) != nil {
			t.Errorf("%s: got %v for %s", address, config, sni)
		}
		if err := s.CleanUp(t.Context(), a); err != nil || c.names.Load() != nil {
			t.Errorf("got %v; want nothing left", err)
		}
	}
}

// TestWaysToAnswer: with records, nothing else answers for names, and they answer for no address.
func TestWaysToAnswer(t *testing.T) {
	section := Section{Directory: "https://acme.test/dir", DNS: dns01.Options{Provider: "exec", Exec: "/bin/true\x00"}}
	i, err := newIssuer(section, nil, &Challenges{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer i.close()
	if got := i.newClient(false).ChallengeSolvers; len(got) != 1 || got[acme.ChallengeTypeDNS01] == nil {
		t.Errorf("for names: got %v", got)
	}
	if got := i.newClient(true).ChallengeSolvers; len(got) != 1 || got[acme.ChallengeTypeTLSALPN01] == nil {
		t.Errorf("for addresses: got %v", got)
	}
	section.DNS.Provider = "other"
	if _, err := newIssuer(section, nil, &Challenges{}, zerolog.Nop()); err == nil {
		t.Error("a provider that is none was taken")
	}
}

func handshake(t *testing.T, config *tls.Config) tls.ConnectionState {
	t.Helper()
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	go func() { _ = tls.Server(a, config).HandshakeContext(context.Background()) }()
	client := tls.Client(b, &tls.Config{ServerName: "a.test", NextProtos: []string{Protocol}, InsecureSkipVerify: true})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState()
}

func TestRefusedReplacements(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"unknown certificate":  {acme.Problem{Status: http.StatusNotFound}, true},
		"wrapped":              {fmt.Errorf("cannot order: %w", acme.Problem{Status: http.StatusConflict}), true},
		"too often":            {acme.Problem{Status: http.StatusTooManyRequests}, false},
		"validation":           {acme.Problem{Status: http.StatusBadRequest, Resource: acme.Authorization{}}, false},
		"broken":               {acme.Problem{Status: http.StatusInternalServerError}, false},
		"nothing of a problem": {errors.New("no route to host"), false},
		"nothing":              {nil, false},
	} {
		if got := refusesReplacement(tc.err); got != tc.want {
			t.Errorf("%s: got %v; want %v", name, got, tc.want)
		}
	}
}

func TestLibraryIsLoggedAtDebug(t *testing.T) {
	var text strings.Builder
	log := newLogger(zerolog.New(&text)).Named("obtain").With(zap.String("host", "a.test"))
	log.Error("it failed", zap.Error(errRefused), zap.Int("n", 5))
	const want = `{"level":"debug","certmagic":"obtain","said_as":"error","error":"the authority refuses","host":"a.test","n":5,"message":"it failed"}` + "\n"
	if text.String() != want {
		t.Errorf("got %s; want %s", text.String(), want)
	}
	text.Reset()
	newLogger(zerolog.New(&text).Level(zerolog.InfoLevel)).Error("it failed")
	if text.Len() > 0 {
		t.Errorf("at level info: got %s", text.String())
	}
}
