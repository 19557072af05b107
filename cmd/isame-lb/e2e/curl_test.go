package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurlSpeaksEveryVersion moves large files both ways with the real curl, and asks
// for what versions of HTTP differ in.
func TestCurlSpeaksEveryVersion(t *testing.T) {
	t.Parallel()
	content := noise(10 << 20)
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			http.ServeContent(w, r, "content.bin", tomorrow().AddDate(0, 0, -2), bytes.NewReader(content))
			return
		}
		got, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, sum(got))
	})
	c := newPair(t, tomorrow(), "a.test")
	p := start(t, strings.Replace(overTLS(members(b), "", "", c), "listeners: {", `listeners: {clear: {address: "127.0.0.1:0", h2c: true}, `, 1))
	file := filepath.Join(t.TempDir(), "content.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	inClear := "http://" + p.addressOf("clear") + "/"
	for _, tc := range []struct{ name, option, version, url string }{
		{"HTTP/1.0", "--http1.0", "1.1", inClear}, // the answer's version is the proxy's own
		{"HTTP/1.1", "--http1.1", "1.1", inClear},
		{"HTTP/2 by prior knowledge", "--http2-prior-knowledge", "2", inClear},
		{"HTTP/2 by upgrade is declined", "--http2", "1.1", inClear},
		{"HTTP/1.1 over TLS", "--http1.1", "1.1", ""},
		{"HTTP/2 over TLS", "--http2", "2", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			run := func(args ...string) string {
				args = append([]string{tc.option}, args...)
				if tc.url == "" {
					return p.curlTo(c, args...)
				}
				return curl(t, append(args, tc.url)...)
			}
			got := filepath.Join(t.TempDir(), "got.bin")
			if out := run("--output", got, "--write-out", "%{http_version} %{http_code}"); out != tc.version+" 200" {
				t.Errorf("download: got %q; want %s 200", out, tc.version)
			}
			if text, err := os.ReadFile(got); err != nil || !bytes.Equal(text, content) {
				t.Errorf("download: %d other bytes, %v", len(text), err)
			}
			if out := run("--range", "5-9"); out != string(content[5:10]) {
				t.Errorf("range: got %q; want %q", out, content[5:10])
			}
			if out := run("--head"); !strings.Contains(strings.ToLower(out), "content-length: 10485760\r\n") {
				t.Errorf("HEAD lacks the length:\n%s", out)
			}
			if out := run("--upload-file", file); out != sum(content) {
				t.Errorf("upload: got the sum %q; want %q", out, sum(content))
			}
			if out := run("--header", "Expect: 100-continue", "--data-binary", "hello"); out != sum([]byte("hello")) {
				t.Errorf("100-continue: got the sum %q; want that of hello", out)
			}
			if tc.option == "--http1.0" {
				return // it has no chunks
			}
			if out := run("--header", "Transfer-Encoding: chunked", "--data-binary", "hello"); out != sum([]byte("hello")) {
				t.Errorf("without a length: got the sum %q; want that of hello", out)
			}
		})
	}
}
