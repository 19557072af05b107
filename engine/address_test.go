package engine

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAddressesHaveCertificates has clients that connect to an address, and verify that the
// certificate is one for it.
func TestAddressesHaveCertificates(t *testing.T) {
	named, addressed := newPair(t, tomorrow(), "a.test"), newPairOf(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}})
	trusting := x509.NewCertPool()
	trusting.AddCert(addressed.leaf)
	trusting.AddCert(named.leaf)
	for _, unknown := range []string{"first", "refuse"} {
		t.Run(unknown, func(t *testing.T) {
			text := tlsText(", unknown_sni: "+unknown, ", http3: true", named, addressed)
			r := start(t, text, backend(t, sees))
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting, MaxVersion: version}, ForceAttemptHTTP2: true}
				client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
				resp, err := client.Get("https://" + r.address + "/")
				if err != nil {
					t.Fatalf("%s: %v", tls.VersionName(version), err)
				}
				_ = resp.Body.Close()
				transport.CloseIdleConnections()
				if resp.StatusCode != http.StatusOK || !resp.TLS.PeerCertificates[0].Equal(addressed.leaf) {
					t.Errorf("%s: got %s with the certificate of %v", tls.VersionName(version), resp.Status, resp.TLS.PeerCertificates[0].DNSNames)
				}
			}
			q, err := r.dialQUIC(&tls.Config{})
			if err != nil {
				t.Fatalf("HTTP/3: %v", err)
			}
			if got := q.ConnectionState().TLS.PeerCertificates[0]; !bytes.Equal(got.Raw, addressed.leaf.Raw) {
				t.Errorf("HTTP/3: got the certificate of %v", got.DNSNames)
			}
			for name, ok := range map[string]bool{"a.test": true, "b.test": unknown == "first"} {
				_, conn, err := r.dialTLS(asking(name, nil))
				if (err == nil) != ok || ok && !conn.ConnectionState().PeerCertificates[0].Equal(named.leaf) {
					t.Errorf("%s: got %v; want the first certificate: %v", name, err, ok)
				}
			}
			elsewhere := start(t, strings.Replace(text, "127.0.0.1:0", "127.0.0.2:0", 1), backend(t, sees))
			if _, _, err := elsewhere.dialTLS(&tls.Config{}); (err == nil) != (unknown == "first") {
				t.Errorf("at an address without a certificate: got %v", err)
			}
			if _, err := elsewhere.dialQUIC(&tls.Config{}); (err == nil) != (unknown == "first") {
				t.Errorf("HTTP/3, at an address without a certificate: got %v", err)
			}
		})
	}
}

// TestAddressesBehindAProxyHeader: what the client has reached is what the proxy in front says.
func TestAddressesBehindAProxyHeader(t *testing.T) {
	first := newPair(t, tomorrow(), "a.test")
	socket := newPairOf(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}})
	said := newPairOf(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("192.0.2.9")}}) // of proxyLine4
	r := start(t, tlsText("", ", proxy_protocol: accept, trusted_proxies: [127.0.0.1]", first, socket, said), backend(t, sees))
	for _, c := range []struct {
		name, header string
		want         *pair
	}{
		{"v1", proxyLine4, said},
		{"v2", proxyBinary, said},
		{"one that says nothing", "PROXY UNKNOWN\r\n", socket},
		{"none", "", socket},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := tls.Client(&headed{Conn: r.dial().Conn, header: c.header}, &tls.Config{InsecureSkipVerify: true})
			if err := conn.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(c.want.leaf) {
				t.Errorf("got the certificate of %v %v", got.DNSNames, got.IPAddresses)
			}
		})
	}
}
