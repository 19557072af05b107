package attempt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// How often a backend's failing handshakes are logged: the same reason, and
// another one.
const (
	tlsFaultSameEvery  = 10 * time.Second
	tlsFaultOtherEvery = time.Second
)

// tlsFaults is why the last handshake with a backend has failed, until one leads
// to an answer. Failures are rare or slow, so it has a lock; whoever succeeds pays
// for one load.
type tlsFaults struct {
	log     zerolog.Logger
	failing atomic.Bool
	mu      struct {
		sync.Mutex
		reason string
		logged time.Time
		count  int // since the last line
	}
}

// met notes a failure, and says so now and then.
func (f *tlsFaults) met(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	every := tlsFaultSameEvery
	if reason != f.mu.reason {
		every = tlsFaultOtherEvery
	}
	f.failing.Store(true)
	f.mu.reason = reason
	f.mu.count++
	if now := time.Now(); now.Sub(f.mu.logged) >= every {
		f.log.Warn().Str("reason", reason).Int("failures", f.mu.count).Msg("cannot agree on TLS with a backend")
		f.mu.logged, f.mu.count = now, 0
	}
}

// over notes that an answer has come.
func (f *tlsFaults) over() {
	if !f.failing.Load() || !f.failing.Swap(false) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.reason = ""
	f.log.Info().Msg("TLS with a backend works again")
}

// reason is empty when nothing is wrong.
func (f *tlsFaults) reason() string {
	if !f.failing.Load() {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.reason
}

// TLSReason puts a failed handshake into words: whose certificate is not trusted
// and why, or what the backend said. limit is how long it was waited for.
func TLSReason(err error, limit time.Duration) string {
	var untrusted *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	switch {
	case socket.IsTimeout(err):
		return fmt.Sprintf("the handshake has not ended after %v", limit)
	case errors.As(err, &untrusted):
		return plain(strings.TrimPrefix(untrusted.Err.Error(), "x509: ") + namely(untrusted))
	case errors.As(err, &header):
		return "the backend does not speak TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the backend closed the connection during the handshake"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the backend reset the connection during the handshake"
	}
	text := err.Error()
	if said, is := strings.CutPrefix(text, "remote error: tls: "); is {
		return plain("the backend refuses: " + said)
	}
	return plain(strings.TrimPrefix(text, "tls: "))
}

// namely says which certificate it is, where the error does not.
func namely(e *tls.CertificateVerificationError) string {
	var name x509.HostnameError
	if errors.As(e.Err, &name) || len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	leaf := e.UnverifiedCertificates[0]
	return fmt.Sprintf(" (subject %q, issuer %q)", Clip(leaf.Subject.CommonName), Clip(leaf.Issuer.CommonName))
}

// tlsReasonMax bounds what a certificate can put into a reason.
const tlsReasonMax = 256

// plain is text of a backend without what does not belong on a terminal.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if len(s) > tlsReasonMax {
		return strings.ToValidUTF8(s[:tlsReasonMax], "") + "..."
	}
	return s
}

// refusesUs reports that a backend's first word, on a connection whose handshake
// was done for us, is an alert that ends handshakes. In TLS 1.3 it looks at our
// certificate only then (RFC 8446 section 4.4.2.4). It has taken no request: that
// comes after the handshake.
func refusesUs(c *socket.Conn, err error) bool {
	if !c.Secure() || c.TLSState().Version < tls.VersionTLS13 {
		return false
	}
	switch RemoteAlert(err) {
	case alertHandshakeFailure, alertBadCertificate, alertUnsupportedCertificate, alertCertificateRevoked, alertCertificateExpired,
		alertCertificateUnknown, alertUnknownCA, alertAccessDenied, alertDecryptError, alertCertificateRequired:
		return true
	}
	return false
}

// Alerts of RFC 8446 section 6.2 that say something of certificates.
const (
	alertHandshakeFailure       = 40
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertCertificateRevoked     = 44
	alertCertificateExpired     = 45
	alertCertificateUnknown     = 46
	alertUnknownCA              = 48
	alertAccessDenied           = 49
	alertDecryptError           = 51
	alertCertificateRequired    = 116
)

// RemoteAlert is the number of an alert that the peer has sent, or 0. crypto/tls
// does not export the type.
func RemoteAlert(err error) uint64 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0
	}
	return v.Uint()
}

// Clip bounds what a backend can put into a reason.
func Clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
