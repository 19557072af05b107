package e2e

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"
)

// waitFailed waits until an attempt for a host has failed, and the log says so.
func (p *proxy) waitFailed(host, want string) {
	p.t.Helper()
	eventually(p.t, "a failure of "+host, func() string {
		for _, message := range []string{
			"cannot obtain certificate; the host has none of its own", "cannot renew certificate; the one in use goes on",
		} {
			if line := p.log.find(message, "host", host); line != nil {
				if text, _ := line["error"].(string); strings.Contains(text, want) {
					return ""
				}
			}
		}
		return "not logged"
	})
	if got := p.metric("isame_certificate_orders_total", "name", host, "result", "failed"); got < 1 {
		p.t.Errorf("isame_certificate_orders_total of %s: got %v failures; want 1 or more", host, got)
	}
}

// TestACMEForAnAddress has clients that ask for no name, by both ways to validate.
func TestACMEForAnAddress(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"http-01", "tls-alpn-01"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b, own, inClear := newBackend(t, nil), newPair(t, tomorrow(), "file.test"), ""
			file := fmt.Sprintf("certificates: [{cert_file: %q, key_file: %q}]", own.certFile, own.keyFile)
			if way == "http-01" {
				inClear = strings.Replace(clearListener, "localhost", "127.0.0.1", 1)
			}
			p := start(t, managed(members(b), inClear, file))
			v := validation{seconds: 90 * 24 * 3600}
			if way == "http-01" {
				v.httpAddress = p.addressOf("clear")
			} else {
				v.tlsAddress = p.addressOf("web")
			}
			server := startPebble(t, v)
			p.reload(managed(members(b), inClear, file+server.acme(t.TempDir(), "127.0.0.1")), "applied")
			got := p.waitIssued("", nil)
			if err := got.VerifyHostname("127.0.0.1"); err != nil {
				t.Error(err)
			}
			if other, err := p.shown("file.test"); err != nil || other.SerialNumber.Cmp(own.serial) != 0 {
				t.Errorf("a name: got %v, %v; want the file's", other, err)
			}
		})
	}
}

// TestProfileThatIsNotOffered asks for one after another one was used: that certificate
// stays, over a restart too.
func TestProfileThatIsNotOffered(t *testing.T) {
	t.Parallel()
	b, storage := newBackend(t, nil), t.TempDir()
	p := start(t, managed(members(b), clearListener, serveFile(t)))
	server := startPebble(t, validation{httpAddress: p.addressOf("clear"), seconds: 90 * 24 * 3600, profiles: map[string]int{"long": 80 * 24 * 3600}})
	p.reload(managed(members(b), clearListener, "acme: "+server.section(storage, "a.test", ", profile: long")), "applied")
	good := p.waitIssued("a.test", nil)
	if lifetime := good.NotAfter.Sub(good.NotBefore); lifetime < 79*24*time.Hour || lifetime > 81*24*time.Hour {
		t.Errorf("the certificate is good for %v; want the 80 days of its profile", lifetime)
	}
	gone := managed(members(b), clearListener, "acme: "+server.section(storage, "a.test", ", profile: gone"))
	p.reload(gone, "applied")
	check := func(step string) {
		t.Helper()
		p.waitFailed("a.test", `the directory does not offer the profile "gone"`)
		if got, err := p.shown("a.test"); err != nil || !got.Equal(good) {
			t.Errorf("%s: a.test is shown another certificate, or %v", step, err)
		}
	}
	check("after the reload")
	p.end()
	p = start(t, gone)
	check("after a restart")
}

// TestKindsOfKeys has an issuer for each, all of one server.
func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	b, storage := newBackend(t, nil), t.TempDir()
	p := start(t, managed(members(b), clearListener, serveFile(t)))
	server := startPebble(t, validation{httpAddress: p.addressOf("clear"), seconds: 90 * 24 * 3600})
	var sections []string
	kinds := map[string]func(key any) bool{
		"p256":    func(key any) bool { k, ok := key.(*ecdsa.PublicKey); return ok && k.Curve.Params().BitSize == 256 },
		"p384":    func(key any) bool { k, ok := key.(*ecdsa.PublicKey); return ok && k.Curve.Params().BitSize == 384 },
		"rsa2048": func(key any) bool { k, ok := key.(*rsa.PublicKey); return ok && k.N.BitLen() == 2048 },
		"rsa4096": func(key any) bool { k, ok := key.(*rsa.PublicKey); return ok && k.N.BitLen() == 4096 },
	}
	for kind := range kinds {
		sections = append(sections, server.section(storage, kind+".test", ", key_type: "+kind))
	}
	p.reload(managed(members(b), clearListener, "acme: ["+strings.Join(sections, ", ")+"]"), "applied")
	for kind, is := range kinds {
		if got := p.waitIssued(kind+".test", nil); !is(got.PublicKey) {
			t.Errorf("%s: got a %T", kind, got.PublicKey)
		}
	}
}

// TestExternalAccounts has a server that takes nobody without one.
func TestExternalAccounts(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	b := newBackend(t, nil)
	p := start(t, managed(members(b), clearListener, serveFile(t)))
	server := startPebble(t, validation{httpAddress: p.addressOf("clear"), seconds: 90 * 24 * 3600, externalKeys: map[string]string{"kid-1": key}})
	var sections []string
	for host, eab := range map[string]string{
		"good.test": ", eab: {key_id: kid-1, hmac_key: " + key + "}", "expired.test": ", eab: {key_id: kid-2, hmac_key: " + key + "}",
		"wrong.test": ", eab: {key_id: kid-1, hmac_key: " + strings.ToLower(key) + "}", "none.test": "",
	} {
		sections = append(sections, server.section(t.TempDir(), host, eab))
	}
	p.reload(managed(members(b), clearListener, "acme: ["+strings.Join(sections, ", ")+"]"), "applied")
	p.waitIssued("good.test", nil)
	for _, host := range []string{"expired.test", "wrong.test", "none.test"} {
		p.waitFailed(host, "cannot register with")
	}
	if strings.Contains(p.log.String(), key) {
		t.Error("the log has the key of the external account")
	}
}

// serveFile is the certificates of a listener that is there before its issuer.
func serveFile(t *testing.T) string {
	t.Helper()
	own := newPair(t, tomorrow(), "file.test")
	return fmt.Sprintf("certificates: [{cert_file: %q, key_file: %q}]", own.certFile, own.keyFile)
}
