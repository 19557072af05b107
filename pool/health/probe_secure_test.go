package health

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// probing is a definition whose probes speak TLS as a pool with this section does.
func probing(t *testing.T, check config.HealthCheck, section config.PoolTLS, address string) *Definition {
	t.Helper()
	cfg := config.Pool{TLS: section}
	trust, err := attempt.NewTrust("pools.p.tls", &cfg)
	if err != nil {
		t.Fatal(err)
	}
	return mustDefine(t, check).Over(attempt.DialingOf(&cfg, address, "", attempt.AnnounceNothing, trust), "")
}

func TestProbesSpeakTLS(t *testing.T) {
	ca, other := rig.NewAuthority(t), rig.NewAuthority(t)
	certificate := ca.Issue(rig.Tomorrow(), "a.test", "127.0.0.1")
	known, key := ca.Files(ca.Issue(rig.Tomorrow(), "client"))
	b := rig.StartBackend(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
	asking := rig.StartBackend(t, &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()})
	plainText := rig.StartBackend(t, nil)
	shown := ca.Trusting("a.test")
	shown.CertFile, shown.KeyFile = known, key
	for _, tc := range []struct {
		name    string
		backend *rig.Backend
		kind    string
		section config.PoolTLS
		good    bool
		reason  string
	}{
		{"http", b, "http", ca.Trusting("a.test"), true, "status 200"},
		{"http by address", b, "http", ca.Trusting(""), true, "status 200"},
		{"tcp", b, "tcp", ca.Trusting("a.test"), true, "connected"},
		{"http, our certificate", asking, "http", shown, true, "status 200"},
		{"http, another authority", b, "http", other.Trusting("a.test"), false, "TLS: certificate signed by unknown authority"},
		{"tcp, another authority", b, "tcp", other.Trusting("a.test"), false, "TLS: certificate signed by unknown authority"},
		{"tcp, another name", b, "tcp", ca.Trusting("b.test"), false, "TLS: certificate is valid for a.test, not b.test"},
		{"http, no certificate of ours", asking, "http", ca.Trusting("a.test"), false, "TLS: the backend refuses: certificate required"},
		{"tcp, clear text", plainText, "tcp", ca.Trusting("a.test"), false, "TLS: the backend does not speak TLS"},
		{"grpc, no HTTP/2", b, "grpc", ca.Trusting("a.test"), false, "TLS: the backend does not offer HTTP/2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := probe(t.Context(), tc.backend.Address, probing(t, config.HealthCheck{Type: tc.kind}, tc.section, tc.backend.Address))
			if s.Good != tc.good || !strings.Contains(s.Reason, tc.reason) || s.Dead {
				t.Errorf("got %+v; want good %v, reason %q", s, tc.good, tc.reason)
			}
		})
	}
	for i, resumed := range b.Saw().Resumed {
		if resumed {
			t.Errorf("probe %d has resumed a session", i)
		}
	}
}

func TestGRPCProbeSpeaksTLS(t *testing.T) {
	ca := rig.NewAuthority(t)
	var host string
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			host = r.Host
			reply(message(0x08, 1), "0")(w, "")
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}},
	}
	address := serveHTTP(t, server, true)
	s := probe(t.Context(), address, probing(t, config.HealthCheck{Type: "grpc"}, ca.Trusting("a.test"), address))
	if !s.Good || s.Reason != "SERVING" {
		t.Errorf("got %+v; want it to serve", s)
	}
	if want := "a.test:" + address[strings.LastIndexByte(address, ':')+1:]; host != want {
		t.Errorf("asked for %q; want %q", host, want)
	}
}

func TestHostOfAProbe(t *testing.T) {
	for _, tc := range []struct{ address, name, want string }{
		{"10.0.0.1:80", "", "10.0.0.1:80"},
		{"unix:/run/s", "", "localhost"},
		{"10.0.0.1:443", "a.test", "a.test"},
		{"10.0.0.1:8443", "a.test", "a.test:8443"},
		{"[fd00::1]:443", "fd00::1", "[fd00::1]:443"},
		{"unix:/run/s", "a.test", "a.test"},
	} {
		d := &Definition{dialing: &attempt.Dialing{Name: tc.name}}
		if got := d.authority(socket.SplitAddress(tc.address)); got != tc.want {
			t.Errorf("%s as %q: got %q; want %q", tc.address, tc.name, got, tc.want)
		}
	}
}
