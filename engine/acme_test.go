package engine

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
)

// seeded is a storage that has certificates of a directory, as a run before it
// would have left them.
func seeded(t *testing.T, directory string, pairs map[string]*pair) (folder string) {
	t.Helper()
	storage := certmagic.FileStorage{Path: t.TempDir()}
	issuer := (&certmagic.ACMEIssuer{CA: directory}).IssuerKey()
	for host, p := range pairs {
		keys := certmagic.StorageKeys
		for key, file := range map[string]string{keys.SiteCert(issuer, host): p.certFile, keys.SitePrivateKey(issuer, host): p.keyFile} {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := storage.Store(t.Context(), key, data); err != nil {
				t.Fatal(err)
			}
		}
		meta := []byte(`{"sans":["` + host + `"],"issuer_data":{}}`)
		if err := storage.Store(t.Context(), keys.SiteMeta(issuer, host), meta); err != nil {
			t.Fatal(err)
		}
	}
	return storage.Path
}

// deadDirectory is one where nobody answers.
func deadDirectory(t *testing.T, path string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return (&url.URL{Scheme: "https", Host: ln.Addr().String(), Path: path}).String()
}

func acmeText(directory, storage, hosts string) string {
	return strings.Replace(tlsText("", "", &pair{}), `certificates: [{cert_file: "", key_file: ""}]`,
		fmt.Sprintf("acme: {hosts: [%s], directory: %q, storage: %q}", hosts, directory, storage), 1)
}

// directory is that of the running generation.
func (r *rig) directory() string {
	return r.engine.Config().Listeners["web"].TLS.ACME[0].Directory
}

// shows is the certificate a client gets that asks for a host.
func (r *rig) shows(host string) string {
	r.t.Helper()
	_, conn, err := r.dialTLS(&tls.Config{ServerName: host})
	if err != nil {
		return err.Error()
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestStoredCertificatesServeAtOnceAndOverReloads(t *testing.T) {
	directory, address := deadDirectory(t, "/dir"), backend(t, sees)
	a, b := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "b.test")
	storage := seeded(t, directory, map[string]*pair{"a.test": a, "b.test": b})
	r := start(t, acmeText(directory, storage, "a.test, B.test"), address)
	check := func(step string, wants map[string]string) {
		t.Helper()
		for host, want := range wants {
			if got := r.shows(host); got != want {
				t.Errorf("%s: %q: got %s; want %s", step, host, got, want)
			}
		}
	}
	serialA, serialB, none := a.leaf.SerialNumber.String(), b.leaf.SerialNumber.String(), "remote error: tls: internal error"
	check("at the start", map[string]string{"a.test": serialA, "b.test": serialB, "": serialA, "c.test": serialA})
	keepers := len(r.engine.table.Load().keepers)
	kept, _ := r.mustDialTLS(nil)
	kept.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
	if got := kept.receive("GET"); got.StatusCode != 421 {
		t.Errorf("b.test over a.test: got %d; want 421", got.StatusCode)
	}
	before := r.engine.table.Load().keepers
	r.apply(acmeText(directory, storage, "a.test, c.test"), address)
	for s, k := range r.engine.table.Load().keepers {
		if keepers != 1 || before[s] == nil || before[s].Keeper != k.Keeper {
			t.Error("an equal section has another keeper")
		}
	}
	check("without b.test", map[string]string{"a.test": serialA, "b.test": serialA, "c.test": none})
	r.apply(acmeText(deadDirectory(t, "/other"), storage, "a.test, b.test"), address)
	check("with another directory", map[string]string{"a.test": serialA, "b.test": none})
	bad := strings.Replace(acmeText(directory, storage, "a.test"), storage, a.certFile, 1)
	if err := r.engine.Apply(parse(t, bad, address)); err == nil || !strings.Contains(err.Error(), "listeners.web.tls.acme[0]: cannot make folder") {
		t.Errorf("a storage that is a file: got %v", err)
	}
	lost := newPair(t, tomorrow(), "lost.test")
	late := parse(t, strings.Replace(acmeText(r.directory(), storage, "a.test, late.test"), "}}\nroutes:", fmt.Sprintf(
		`}, zlast: {address: "127.0.0.9:0", tls: {certificates: [{cert_file: %q, key_file: %q}]}}}
routes:`, lost.certFile, lost.keyFile), 1), address)
	if err := os.Remove(lost.certFile); err != nil {
		t.Fatal(err)
	}
	if err := r.engine.Apply(late); err == nil {
		t.Error("a generation without a certificate's file was taken")
	}
	check("after a reload that was refused", map[string]string{"a.test": serialA})
	r.apply(tlsText("", "", b), address)
	check("without the section", map[string]string{"a.test": serialB})
	if got := kept.get("/").StatusCode; got != 200 {
		t.Errorf("a connection from the beginning: got %d", got)
	}
	if left := r.engine.table.Load().keepers; len(left) > 0 {
		t.Errorf("%d keepers are left", len(left))
	}
}

func TestManagedCertificatesAreMeasured(t *testing.T) {
	directory := deadDirectory(t, "/dir")
	storage := seeded(t, directory, map[string]*pair{"a.test": newPair(t, tomorrow(), "a.test")})
	r := start(t, acmeText(directory, storage, "a.test, b.test"), backend(t, sees))
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "")
	if !strings.Contains(page.String(), `isame_certificate_expiry_seconds{name="a.test"} 86`) || strings.Contains(page.String(), `name="b.test"`) {
		t.Errorf("got %s", page.String())
	}
}
