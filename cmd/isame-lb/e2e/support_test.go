package e2e

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretsEverywhere has a marked secret in every place that the reference calls one.
const secretsEverywhere = `
listeners:
  web: {address: "127.0.0.1:0"}
  tls:
    address: "127.0.0.1:0"
    tls:
      acme:
        - {hosts: [a.example], directory: "https://127.0.0.1:1/dir", storage: "FOLDER", eab: {key_id: k, hmac_key: bWFya2VkLWVhYg}, dns: {provider: cloudflare, token: marked-dns-1}}
        - {hosts: [b.example], directory: "https://127.0.0.1:1/dir", storage: "FOLDER", dns: {provider: route53, access_key: AK, secret_key: marked-dns-2}}
        - {hosts: [c.example], directory: "https://127.0.0.1:1/dir", storage: "FOLDER", dns: {provider: rfc2136, server: "127.0.0.1:1", key_name: k.example, key_secret: bWFya2VkLXRzaWc=}}
admin:
  address: "127.0.0.1:0"
  tokens: [{name: root, role: write, secret: marked-admin-1}, {name: seen, role: read, secret: marked-admin-2}]
log: {format: json}
shutdown: {drain: 10s}
routes:
  api: {path_prefix: /api, pool: p, headers: {X-API-Key: marked-header-1}, middleware: [fields, limit, tokens]}
  closed: {path_prefix: /closed, pool: p, middleware: [login, keys]}
  env: {path_prefix: /env, pool: p, headers: {Authorization: "Bearer ${FILE:FOLDER/secret}"}}
  rest: {pool: p}
pools:
  p:
    backends: BACKENDS
    sticky: {secret: marked-sticky-0123456789abcdef0123456789}
    health_check: {path: /, headers: {Cookie: "session=marked-cookie-1", Authorization: "Basic marked-basic-1"}}
middleware:
  login: {type: basic_auth, users: ["alice:$2y$05$3/RHqkpZ0fdTlbrWnXexu.4w3XQ2ufG2iZOC4vcI8HcHS0JReNJUy"]}
  keys: {type: api_key, keys: [{name: one, sha256: abad1deaabad1deaabad1deaabad1deaabad1deaabad1deaabad1deaabad1dea}]}
  fields: {type: headers, request: {set: {Authorization: "Bearer marked-set-1"}, add: {X-Auth-Token: marked-add-1}}}
  limit: {type: rate_limit, rate: 1000, key: "header:Authorization", store: {redis: {address: "127.0.0.1:1", username: u, password: marked-redis-1}}}
  tokens: {type: jwt, jwks_url: "http://127.0.0.1:1/keys", algorithms: [RS256]}
recorder: {records: 256, keep_errors: 64, keep_slow: 16}
`

// TestSupportHoldsNoSecret unpacks a bundle of a process that has secrets everywhere, has met
// requests that carry some, and has been told of some in vain.
func TestSupportHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("marked-file-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("FOLDER", dir, "BACKENDS", members(newBackend(t, nil))).Replace(secretsEverywhere)
	p := start(t, text)
	for _, path := range []string{"/api/x?token=marked-query-1", "/closed/x", "/env", "/"} {
		get(t, p.url(path), "Authorization", "Bearer marked-sent-1", "X-API-Key", "marked-header-1", "Cookie", "s=marked-sent-2")
	}
	const token = "--token=marked-admin-1"
	replaceFile(t, p.file, strings.Replace(text, "marked-admin-2", "marked-admin-3", 1))
	if code, out := ctl(t, p.admin, "reload", token); code != 0 {
		t.Fatalf("reload: exit %d:\n%s", code, out)
	}
	replaceFile(t, p.file, strings.Replace(text, "rate: 1000", "rate: marked-admin-4", 1))
	if code, _ := ctl(t, p.admin, "reload", token); code != 1 {
		t.Fatalf("reload of a bad file: exit %d; want 1", code)
	}
	file := filepath.Join(dir, "b.tar.gz")
	code, out := ctl(t, p.admin, "support", "-f", file, token)
	if code != 0 || !strings.Contains(out, "config/effective.yaml") || strings.Contains(out, "marked") {
		t.Fatalf("support: exit %d:\n%s", code, out)
	}
	files := unpackFile(t, file)
	for name, text := range files {
		for _, secret := range []string{
			"marked-admin-1", "marked-admin-2", "marked-admin-3", "marked-header", "marked-sticky", "marked-cookie", "marked-basic", "marked-set", "marked-add",
			"marked-redis", "marked-file", "marked-sent", "marked-query", "marked-dns", "bWFya2Vk", "marked-eab", "marked-tsig", "RHqkpZ0fdTlbr", "abad1dea",
		} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %q: ...%s...", name, secret, text[max(at-200, 0):at])
			}
		}
	}
	for name, want := range map[string]string{
		"config/document.yaml": "***", "config/effective.yaml": "***", "config/history.json": "admin.tokens", "records/slowest.json": "/env",
		"metrics.txt": "isame_config_generation", "status.json": "generation", "README.txt": "Secrets of the configuration are ***",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %q:\n%.2000s", name, want, files[name])
		}
	}
	if code, out = ctl(t, p.admin, "support", "-f", file+"2", "--token=marked-admin-3"); code != 1 || !strings.Contains(out, "role write is needed") {
		t.Errorf("with role read: exit %d:\n%s", code, out)
	}
}

// unpackFile are the files of a bundle.
func unpackFile(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		files[name] = string(content)
		if strings.HasSuffix(name, ".pb.gz") {
			inner, err := gzip.NewReader(strings.NewReader(files[name]))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(inner)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(raw)
		}
	}
}
