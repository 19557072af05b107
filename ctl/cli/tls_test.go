package cli

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTLSOfTheAdminEndpoint asks an endpoint whose authority only a file knows.
func TestTLSOfTheAdminEndpoint(t *testing.T) {
	var asked []string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"generation":7}`))
	}))
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want int
		text string // in stderr, or in stdout
	}{
		{"nobody vouches", nil, nil, ExitUnreachable, "--ca-file or $ISAME_CA_FILE"},
		{"by flag", nil, []string{"--ca-file", ca}, ExitDone, "generation: 7"},
		{"by variable", []string{"ISAME_CA_FILE=" + ca}, nil, ExitDone, "generation: 7"},
		{"the flag wins", []string{"ISAME_CA_FILE=" + text}, []string{"--ca-file", ca}, ExitDone, "generation: 7"},
		{"no such file", nil, []string{"--ca-file", "/nonexistent/ca.pem"}, ExitUsage, "/nonexistent/ca.pem"},
		{"no certificate", nil, []string{"--ca-file", text}, ExitUsage, "no certificate in PEM"},
		{"no key", nil, []string{"--ca-file", ca, "--cert-file", ca}, ExitUsage, "both files are needed"},
		{"no key by variables", []string{"ISAME_CERT_FILE=" + ca}, nil, ExitUsage, "both files are needed"},
		{"key that does not fit", nil, []string{"--cert-file", ca, "--key-file", text}, ExitUsage, "cannot use certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(nil, append(c.env, "ISAME_TOKEN=t0ken"), append([]string{"status", "-o", "yaml", "--admin", srv.URL}, c.args...)...)
			if got.code != c.want || !strings.Contains(got.stdout+got.stderr, c.text) {
				t.Errorf("got %+v; want exit %d and %q", got, c.want, c.text)
			}
		})
	}
	for _, token := range asked {
		if token != "Bearer t0ken" {
			t.Errorf("got %q; want the token with reads", token)
		}
	}
	p := startProxy(t, "")
	for _, flag := range []string{"--ca-file", "--cert-file", "--key-file"} {
		if got := run(p, nil, "status", flag, ca); got.code != ExitUsage || !strings.Contains(got.stderr, flag+" is for") {
			t.Errorf("%s in clear text: got %+v; want it refused", flag, got)
		}
	}
	if got := run(p, []string{"ISAME_CA_FILE=/nonexistent"}, "status"); got.code != ExitDone {
		t.Errorf("a variable that is not for this endpoint: got %+v; want exit 0", got)
	}
}
