package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// curlSize is the length of uploads and downloads.
const curlSize = 10 << 20

// curlOrigin gives and takes large bodies.
func curlOrigin(t *testing.T) *backend {
	t.Helper()
	content := noise(curlSize)
	return newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/refuse":
			w.Header().Set("Connection", "close")
			http.Error(w, "not read", http.StatusRequestEntityTooLarge)
		case r.Method == http.MethodGet, r.Method == http.MethodHead:
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			w.Header().Set("Etag", `"x"`)
			_, _ = w.Write(content)
		default:
			h := sha256.New()
			n, err := io.Copy(h, r.Body)
			_, _ = fmt.Fprintf(w, "%s %d %s %v\n", r.Method, n, hex.EncodeToString(h.Sum(nil)), err)
		}
	})
}

// TestCurlInEveryVersion compares what curl gets through the proxy with what it gets
// without it.
func TestCurlInEveryVersion(t *testing.T) {
	b, c := curlOrigin(t), newPair(t, tomorrow(), "a.test")
	p := start(t, strings.Replace(edgeConfig(c, members(b), "", ""), `web: {address: "127.0.0.1:0"}`, `web: {address: "127.0.0.1:0", h2c: true}`, 1))
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, noise(curlSize), 0o600); err != nil {
		t.Fatal(err)
	}
	direct := "http://" + b.address
	bare, secure := "http://"+p.address(), "https://a.test:"+portOf(t, p.addressOf("secure"))
	trust := []string{"--cacert", c.certFile, "--resolve", "a.test:" + portOf(t, p.addressOf("secure")) + ":127.0.0.1"}
	for _, tt := range []struct {
		name, version, base string
		args                []string
	}{
		{"HTTP/1.1", "1.1", bare, []string{"--http1.1"}},
		{"HTTP/1.1 over TLS", "1.1", secure, append([]string{"--http1.1"}, trust...)},
		{"HTTP/2 over TLS", "2", secure, append([]string{"--http2"}, trust...)},
		{"HTTP/2 in clear text", "2", bare, []string{"--http2-prior-knowledge"}},
		{"HTTP/2 asked for in clear text", "1.1", bare, []string{"--http2"}}, // RFC 9113 has no upgrade any more
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(base, path string, args ...string) (body []byte, written string) {
				t.Helper()
				file := filepath.Join(t.TempDir(), "body")
				written = curl(t, append(args, "--output", file, "--write-out", "%{http_code} %{http_version}", base+path)...)
				body, err := os.ReadFile(file)
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return body, written
			}
			for _, what := range []struct {
				name, path string
				args       []string
			}{
				{"download", "/file", nil},
				{"HEAD", "/file", []string{"--head"}},
				{"upload", "/in", []string{"--upload-file", upload, "--expect100-timeout", "15"}},
				{"upload of unknown length", "/in", []string{"--request", "POST", "--header", "Transfer-Encoding: chunked", "--data-binary", "@" + upload, "--expect100-timeout", "15"}},
				{"100-continue", "/in", []string{"--data-binary", "small", "--header", "Expect: 100-continue", "--expect100-timeout", "15"}},
			} {
				wantBody, want := run(direct, what.path, append([]string{"--http1.1"}, what.args...)...)
				body, got := run(tt.base, what.path, append(tt.args, what.args...)...)
				if want = strings.TrimSuffix(want, "1.1") + tt.version; got != want {
					t.Errorf("%s: got %s; want %s", what.name, got, want)
				}
				if what.name == "HEAD" {
					body, wantBody = lengthAndTag(body), lengthAndTag(wantBody)
				}
				if !bytes.Equal(body, wantBody) {
					t.Errorf("%s: got %d bytes, %.100q; want %d, %.100q", what.name, len(body), body, len(wantBody), wantBody)
				}
			}
			// A refusal before the body is read gets through, whatever was sent meanwhile.
			if body, got := run(tt.base, "/refuse", append(tt.args, "--upload-file", upload, "--header", "Expect: 100-continue", "--expect100-timeout", "15")...); got != "413 "+tt.version || string(body) != "not read\n" {
				t.Errorf("a refused upload: got %s, %q; want a 413", got, body)
			}
		})
	}
}

// lengthAndTag are the fields of a head that say what the body would be.
func lengthAndTag(head []byte) []byte {
	var kept []string
	for line := range strings.Lines(strings.ToLower(string(head))) {
		if strings.HasPrefix(line, "content-length:") || strings.HasPrefix(line, "etag:") {
			kept = append(kept, strings.TrimSpace(line))
		}
	}
	return []byte(strings.Join(kept, "\n"))
}
