package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// earlyMax is far above what an exchange of these takes, and far below timeouts.idle.
const earlyMax = 5 * time.Second

// TestCurlGetsEarlyAnswersOverHTTP2: an answer that is complete before the body has come
// neither stalls curl nor fails it.
func TestCurlGetsEarlyAnswersOverHTTP2(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }) // an empty 200, nothing read
	p := start(t, strings.Replace(edgeConfig(c, members(b), "", ""), "all: {pool: p}", `all: {pool: p}, moved: {path: /moved, redirect: {to: "https://b.test/"}}`, 1))
	base := "https://a.test:" + portOf(t, p.addressOf("secure"))
	args := []string{"--http2", "--cacert", c.certFile, "--resolve", strings.TrimPrefix(base, "https://") + ":127.0.0.1", "--output", "/dev/null", "--write-out", "%{http_code}"}
	large, huge := filepath.Join(t.TempDir(), "large"), filepath.Join(t.TempDir(), "huge")
	for file, size := range map[string]int{large: 400 << 10, huge: 12 << 20} {
		if err := os.WriteFile(file, noise(size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, path, data, want string
		times                  int
	}{
		{"a small body to a redirect", "/moved", "abc", "308", 20},
		{"a large body to a redirect", "/moved", "@" + large, "308", 5},
		{"a large body to an empty 200", "/", "@" + large, "200", 12},
		{"a body above the bound to a redirect", "/moved", "@" + huge, "308", 3},
		{"a body above the bound to an empty 200", "/", "@" + huge, "200", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range tc.times {
				began := time.Now()
				got, err := tryCurl(t, append(args, "--header", "Expect:", "--data-binary", tc.data, base+tc.path)...)
				if took := time.Since(began); got != tc.want || took > earlyMax {
					t.Errorf("got %q after %v, %v; want %s at once", got, took, err, tc.want)
				}
				// A 200 whose request cannot be sent to its end is a failure to curl, whoever
				// says so and when.
				if err != nil && (tc.data != "@"+huge || tc.want != "200") {
					t.Errorf("curl: %v", err)
				}
			}
		})
	}
}
