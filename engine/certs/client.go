package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// ClientFields are the header fields that tell a backend of the client's
// certificate. They never change and may be used by any number of goroutines.
type ClientFields struct {
	fields []clientField
}

// clientField is one header field and what it says; verified, which does not
// need a certificate, has no render.
type clientField struct {
	name   string
	render func(dst []byte, leaf *x509.Certificate) []byte
}

// NewClientFields makes the fields of a client_auth.headers section, in the
// order of their names; nil when there are none.
func NewClientFields(headers map[string]string) *ClientFields {
	if len(headers) == 0 {
		return nil
	}
	f := &ClientFields{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		f.fields = append(f.fields, clientField{name: name, render: renderer(headers[name])})
	}
	return f
}

// Names are the names of the fields, in lower case and with hyphens for
// underscores.
func (f *ClientFields) Names() []string {
	var names []string
	if f != nil {
		for i := range f.fields {
			names = append(names, strings.ReplaceAll(strings.ToLower(f.fields[i].name), "_", "-"))
		}
	}
	return names
}

// What verified says of a client, in the words of nginx's $ssl_client_verify.
const (
	verifiedNone    = "NONE"
	verifiedSuccess = "SUCCESS"
	// verifiedFailed is a certificate nobody vouches for: there is no ca_file.
	// Where there is one, a certificate that fails has ended the handshake.
	verifiedFailed = "FAILED:unverified"
)

// Append appends the field lines for a connection. A field without a value is
// left out. All bytes are printable ASCII.
func (f *ClientFields) Append(dst []byte, s *tls.ConnectionState) []byte {
	for i := range f.fields {
		field := &f.fields[i]
		start := len(dst)
		dst = append(append(dst, field.name...), ": "...)
		before := len(dst)
		switch {
		case field.render == nil:
			dst = append(dst, verification(s)...)
		case len(s.PeerCertificates) > 0:
			dst = field.render(dst, s.PeerCertificates[0])
		}
		if len(dst) == before {
			dst = dst[:start]
			continue
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

func verification(s *tls.ConnectionState) string {
	switch {
	case len(s.PeerCertificates) == 0:
		return verifiedNone
	case len(s.VerifiedChains) == 0:
		return verifiedFailed
	}
	return verifiedSuccess
}

// renderer is what writes a fact of the configuration; nil for verified.
func renderer(fact string) func(dst []byte, leaf *x509.Certificate) []byte {
	switch fact {
	case "subject":
		return func(dst []byte, leaf *x509.Certificate) []byte { return appendName(dst, leaf.RawSubject) }
	case "issuer":
		return func(dst []byte, leaf *x509.Certificate) []byte { return appendName(dst, leaf.RawIssuer) }
	case "serial":
		return appendSerial
	case "fingerprint":
		return func(dst []byte, leaf *x509.Certificate) []byte {
			sum := sha256.Sum256(leaf.Raw)
			return hex.AppendEncode(dst, sum[:])
		}
	case "san":
		return appendAlternatives
	case "not_after":
		return func(dst []byte, leaf *x509.Certificate) []byte {
			return leaf.NotAfter.UTC().AppendFormat(dst, time.RFC3339)
		}
	case "certificate":
		return appendCertificate
	}
	return nil
}

// appendCertificate is the byte sequence of RFC 9440 section 2.1.
func appendCertificate(dst []byte, leaf *x509.Certificate) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, ':'), leaf.Raw), ':')
}

// appendSerial is the serial number as OpenSSL prints it: whole bytes in
// hexadecimal, upper case.
func appendSerial(dst []byte, leaf *x509.Certificate) []byte {
	b := leaf.SerialNumber.Bytes()
	if len(b) == 0 {
		b = []byte{0}
	}
	return append(dst, strings.ToUpper(hex.EncodeToString(b))...)
}

// appendAlternatives lists the names of the certificate. A comma inside of one
// is escaped, so that nobody can add a name by writing it into another one (as
// in CVE-2021-44532).
func appendAlternatives(dst []byte, leaf *x509.Certificate) []byte {
	start := len(dst)
	add := func(kind, name string) {
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = appendEscaped(append(dst, kind...), name)
	}
	for _, name := range leaf.DNSNames {
		add("DNS:", name)
	}
	for _, ip := range leaf.IPAddresses {
		add("IP:", ip.String())
	}
	for _, name := range leaf.EmailAddresses {
		add("email:", name)
	}
	for _, uri := range leaf.URIs {
		add("URI:", uri.String())
	}
	return dst
}

// clientCertificateMax bounds the certificate of a client whose facts go into
// header fields; what backends take of a whole head is seldom more than 16 KiB.
const clientCertificateMax = 8 << 10

var errClientCertificateLarge = errors.New("the client's certificate is too large for a header field")

// Accepts is a tls.Config's VerifyConnection for a listener with these fields: it
// refuses certificates that no backend would take in its header.
func (f *ClientFields) Accepts(s tls.ConnectionState) error {
	if len(s.PeerCertificates) > 0 && len(s.PeerCertificates[0].Raw) > clientCertificateMax {
		return errClientCertificateLarge
	}
	return nil
}
