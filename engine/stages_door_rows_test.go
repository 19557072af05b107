package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func ipFilterRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: ip_filter, allow: [127.0.0.0/8]}
no: {type: ip_filter, deny: [127.0.0.0/8], when: {path: /no}}
`,
		order: "[s, no]",
		cases: []stageCase{
			{name: "allowed", fields: []string{"X-Forwarded-For: 6.6.6.6"}},
			{name: "denied", target: "/no", want: effect{status: 403, cause: "address_denied"}},
		},
	}
}

func basicAuthRow(t *testing.T) *stageRow {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	header := func(password string) []string {
		return []string{"X-User: root", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+password))}
	}
	no := effect{status: 401, cause: "unauthorized", fields: []string{`Www-Authenticate: Basic realm="here", charset="UTF-8"`}}
	return &stageRow{
		stages: fmt.Sprintf(`s: {type: basic_auth, users: [%q], realm: here, user_header: X-User}`, "ann:"+string(hash)),
		cases: []stageCase{
			{name: "known", fields: header("secret"), want: effect{seen: []string{"X-User: ann\r\n"}, unseen: []string{"root", "Authorization"}}},
			{name: "wrong", fields: header("wrong"), want: no},
			{name: "unknown", want: no},
		},
	}
}

func apiKeyRow(*testing.T) *stageRow {
	sum := sha256.Sum256([]byte("a-long-key"))
	no := effect{status: 401, cause: "unauthorized", fields: []string{"-X-Backend"}}
	return &stageRow{
		stages: `s: {type: api_key, keys: [{name: billing, sha256: "` + hex.EncodeToString(sum[:]) + `"}], name_header: X-Consumer}`,
		cases: []stageCase{
			{
				name: "known", fields: []string{"X-API-Key: a-long-key", "X-Consumer: root"},
				want: effect{seen: []string{"X-Consumer: billing\r\n"}, unseen: []string{"root"}},
			},
			{name: "wrong", fields: []string{"X-API-Key: another"}, want: no},
			{name: "unknown", want: no},
		},
	}
}

// tokenOf is a JSON Web Token that key has signed.
func tokenOf(t *testing.T, key *ecdsa.PrivateKey, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// tokenKey is a key for tokens, and the file that has its public half.
func tokenKey(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, file
}

func jwtRow(t *testing.T) *stageRow {
	t.Helper()
	key, file := tokenKey(t)
	header := func(until time.Time) []string {
		return []string{"X-User: root", "Authorization: Bearer " + tokenOf(t, key, fmt.Sprintf(`{"sub":"ann","exp":%d}`, until.Unix()))}
	}
	no := effect{status: 401, cause: "unauthorized", fields: []string{"-X-Backend"}}
	return &stageRow{
		stages: fmt.Sprintf(`s: {type: jwt, key_file: %q, algorithms: [ES256], headers: {X-User: sub}}`, file),
		cases: []stageCase{
			{name: "good", fields: header(tomorrow()), want: effect{seen: []string{"X-User: ann\r\n"}, unseen: []string{"root"}}},
			{name: "over", fields: header(time.Now().Add(-time.Hour)), want: no},
			{name: "none", want: no},
		},
	}
}

func maintenanceRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: maintenance, body: back soon, retry_after: 1m, unless: {path: /in}}
in: {type: maintenance, allow: [127.0.0.1]}
`,
		order: "[s, in]",
		cases: []stageCase{
			{name: "out", want: effect{status: 503, cause: "maintenance", body: "back soon", fields: []string{"Retry-After: 60"}}},
			{name: "allowed", target: "/in"},
		},
	}
}

func faultRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
abort: {type: fault, percent: 100, abort: 503, when: {path: /abort}}
reset: {type: fault, percent: 100, reset: true, when: {path: /reset}}
delay: {type: fault, percent: 100, delay: 20ms, when: {path: /delay}}
never: {type: fault, percent: 0, abort: 500}
`,
		order: "[abort, reset, delay, never]",
		cases: []stageCase{
			{name: "an answer", target: "/abort", want: effect{status: 503, cause: "fault_injected"}},
			{name: "none", target: "/reset", want: effect{broken: true}},
			{name: "late", target: "/delay"},
		},
	}
}

func rateLimitRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `s: {type: rate_limit, rate: 1, per: 1h, burst: 2, key: "header:X-Way"}`,
		cases: []stageCase{{
			name: "the third one", before: 2, fields: []string{"X-Way: {way}"}, want: effect{status: 429, cause: "rate_limited", fields: []string{"-X-Backend"}},
		}},
		check: func(t *testing.T, _ *way, _ *stageCase, got *told) {
			t.Helper()
			if got.fields.Get("Retry-After") == "" {
				t.Errorf("got %v; want Retry-After", got.fields)
			}
		},
	}
}

// concurrencyLimitRow has a request of each way under way before the others come.
func concurrencyLimitRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `s: {type: concurrency_limit, max_requests: 2, key: "header:X-Way"}`, serve: stuck,
		begin: func(m *matrix) (end func()) {
			var all []map[string]string
			for _, w := range ways() {
				all = append(all, map[string]string{"X-Way": w.key()}, map[string]string{"X-Way": w.key()})
			}
			return m.hold(all...)
		},
		cases: []stageCase{
			{name: "one too many", fields: []string{"X-Way: {way}"}, want: effect{status: 429, cause: "client_concurrency"}},
			// Two, as a client may know of the end of one before we do.
			{name: "of another key", before: 1, fields: []string{"X-Way: other {way}"}},
		},
	}
}

func bandwidthLimitRow(*testing.T) *stageRow {
	const bytes = 130 << 10
	var began atomic.Pointer[time.Time]
	return &stageRow{
		stages: `s: {type: bandwidth_limit, response: 100KiB, request: 100KiB}`,
		serve: func(w http.ResponseWriter, q *http.Request) bool {
			now := time.Now()
			began.Store(&now)
			if q.URL.Path == "/large" {
				_, _ = w.Write([]byte(strings.Repeat("x", bytes)))
			}
			return q.URL.Path == "/large"
		},
		cases: []stageCase{
			{name: "large", target: "/large", kinds: gets(), want: effect{body: strings.Repeat("x", bytes)}},
			{name: "small"},
		},
		check: func(t *testing.T, _ *way, c *stageCase, got *told) {
			t.Helper()
			if took := time.Since(*began.Load()); c.target == "/large" && (took < 200*time.Millisecond || len(got.body) != bytes) {
				t.Errorf("%d bytes took %v; want %d, and 300ms at least", len(got.body), took, bytes)
			}
		},
	}
}
