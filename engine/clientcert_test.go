package engine

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// at is the rig's engine by another listener.
func (r *rig) at(listener string) *rig {
	r.t.Helper()
	for _, l := range r.engine.Listeners() {
		if l.Name == listener {
			return &rig{t: r.t, engine: r.engine, address: l.Bound}
		}
	}
	r.t.Fatalf("there is no listener %s", listener)
	return nil
}

// vouchRig has a listener that tells of client certificates, one in clear text,
// and one whose clients are trusted proxies.
func vouchRig(t *testing.T, server *pair, auth, address string) *rig {
	t.Helper()
	return start(t, strings.Replace(tlsText(", client_auth: "+auth, "", server), "listeners: {", `listeners: {
  clear: {address: "127.0.0.3:0"}, front: {address: "127.0.0.2:0", trusted_proxies: [127.0.0.0/8]}, `, 1), address)
}

var vouchedLine = regexp.MustCompile(`(?i)\r\n(X[-_]C[-_][a-z]+|client[-_]cert): ?([^\r]*)`)

// vouched are the lines about the client in what a backend got, sorted.
func vouched(request string) []string {
	var all []string
	for _, m := range vouchedLine.FindAllStringSubmatch(request, -1) {
		all = append(all, m[1]+": "+m[2])
	}
	slices.Sort(all)
	return all
}

const vouchHeaders = "headers: {X-C-Dn: subject, x-c-fp: fingerprint, X_C_Ok: verified, Client-Cert: certificate}"

// spoofed are the fields a client would like to write itself.
const spoofed = "X-C-Dn: CN=admin\r\nx_c_dn: CN=admin\r\nX-C_FP: 00\r\nX-C-Ok: SUCCESS\r\nCLIENT-CERT: :AA==:\r\nClient_Cert: :AA==:\r\n" +
	"Connection: X-C-Dn, Client-Cert\r\n"

func withCertificate(p *pair) *tls.Config {
	c := &tls.Config{ServerName: "a.test"}
	if p != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p.certificate, nil }
	}
	return c
}

func TestBackendsAreToldOfClientCertificates(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known")
	sum := sha256.Sum256(known.leaf.Raw)
	told := func(verified string) []string {
		return []string{
			"Client-Cert: :" + base64.StdEncoding.EncodeToString(known.leaf.Raw) + ":", "X_C_Ok: " + verified, "x-c-fp: " + hex.EncodeToString(sum[:]),
		}
	}
	for _, c := range []struct {
		name, auth string
		with       *pair
		want       []string
	}{
		{"verified", "{mode: require, ca_file: %q, " + vouchHeaders + "}", known, told("SUCCESS")},
		{"none", "{mode: request, ca_file: %q, " + vouchHeaders + "}", nil, []string{"X_C_Ok: NONE"}},
		{"nobody vouches", "{mode: request, " + vouchHeaders + "}", known, told("FAILED:unverified")},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			r := vouchRig(t, server, strings.Replace(c.auth, "%q", known.certFile, 1), rec.address).at("web")
			config := withCertificate(c.with)
			config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			for i := range 2 { // the second session is resumed
				cl, conn := r.mustDialTLS(config)
				if conn.ConnectionState().DidResume != (i == 1) {
					t.Errorf("connection %d: resumed: %v", i, conn.ConnectionState().DidResume)
				}
				for range 2 {
					cl.send("GET / HTTP/1.1\r\nHost: a.test\r\n" + spoofed + "\r\n")
					cl.receive("GET")
				}
				cl.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-C-Dn: CN=admin\r\nX_C_FP: 0\r\nX-Trail: 1\r\n\r\n")
				cl.receive("POST")
				seen := rec.take(t)
				if len(seen) != 3 {
					t.Fatalf("the backend saw %d requests; want 3", len(seen))
				}
				for _, request := range seen {
					if got := vouched(request); !slices.Equal(got, c.want) {
						t.Errorf("got %q; want %q", got, c.want)
					}
				}
				_ = cl.Close()
			}
		})
	}
}

// TestVouchedFieldsPassNoOtherListener asks the same backend in clear text.
func TestVouchedFieldsPassNoOtherListener(t *testing.T) {
	rec := record(t)
	r := vouchRig(t, newPair(t, tomorrow(), "a.test"), "{mode: request, "+vouchHeaders+"}", rec.address)
	for listener, want := range map[string][]string{
		"clear": nil, "front": {"CLIENT-CERT: :AA==:", "Client_Cert: :AA==:", "X-C-Dn: CN=admin", "X-C-Ok: SUCCESS", "X-C_FP: 00", "x_c_dn: CN=admin"},
	} {
		c := r.at(listener).dial()
		c.send("GET / HTTP/1.1\r\nHost: a.test\r\n" + strings.Replace(spoofed, "Connection: X-C-Dn, Client-Cert\r\n", "", 1) + "\r\n")
		c.receive("GET")
		if got := vouched(rec.take(t)[0]); !slices.Equal(got, want) {
			t.Errorf("%s: the backend saw %q; want %q", listener, got, want)
		}
	}
}

// TestVouchedFieldsFollowReloads changes the fields under a connection.
func TestVouchedFieldsFollowReloads(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known")
	text := func(headers string) string {
		return tlsText(fmt.Sprintf(", client_auth: {mode: require, ca_file: %q%s}", known.certFile, headers), "", server)
	}
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(r.Header["X-Old"], "|")+";"+strings.Join(r.Header["X-New"], "|"))
	})
	r := start(t, text(", headers: {X-Old: verified}"), address)
	c, _ := r.mustDialTLS(withCertificate(known))
	for _, step := range []struct{ headers, want string }{
		{"", ";"}, {", headers: {X-New: verified}", ";SUCCESS"}, {", headers: {X-Old: verified, X-New: san}", "SUCCESS;DNS:known"},
	} {
		c.get("/")
		r.apply(text(step.headers), address)
		if got := c.get("/").body; got != step.want {
			t.Errorf("with %q: got %q; want %q", step.headers, got, step.want)
		}
	}
}

func TestLargeClientCertificateEndsTheHandshake(t *testing.T) {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d.test", strings.Repeat("a", 50), i)
	}
	large := newPair(t, tomorrow(), names...)
	r := start(t, tlsText(fmt.Sprintf(", client_auth: {mode: require, ca_file: %q, %s}", large.certFile, vouchHeaders), "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	c, _, err := r.dialTLS(withCertificate(large))
	if err == nil {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		_, err = http.ReadResponse(c.r, nil)
	}
	if err == nil {
		t.Error("a certificate of more than 8 KiB was taken")
	}
}
