package ctl

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// unpack is a bundle by the names of its files, without their folder, which it returns.
func unpack(t *testing.T, body string) (files map[string]string, folder string) {
	t.Helper()
	zip, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		dir, name, _ := strings.Cut(h.Name, "/")
		if folder != "" && dir != folder || path.Clean(h.Name) != h.Name || h.Mode != 0o600 {
			t.Errorf("got %q, mode %o; want it in folder %q", h.Name, h.Mode, folder)
		}
		files[name], folder = string(content), dir
	}
	return files, folder
}

// supportSources have hosts, addresses and paths in many places.
func supportSources() Sources {
	src := sampleSources(new([]string))
	src.Records = func(*RecordQuery) (RecordPage, error) {
		return RecordPage{Records: []api.Record{
			{RequestID: "r1", Client: "203.0.113.9", Host: "shop.example.com", Path: "/users/alice/orders", Pool: "api", Backend: "10.0.0.1:8080"},
			{RequestID: "r2", Client: "2001:db8::7", Host: "shop.example.com", Path: "/", Tries: []api.RecordTry{{Backend: "10.0.0.1:8080"}}},
		}}, nil
	}
	src.Blame = func(*BlameQuery) (*api.Blame, error) { return sampleBlame(), nil }
	src.Certificates = func() []api.Certificate {
		return []api.Certificate{{Listener: "web", Name: "www.example.org", Names: []string{"www.example.org"}}}
	}
	src.WriteMetrics = func(w io.Writer, _ string) string {
		_, _ = io.WriteString(w, `isame_backend_up{pool="api",backend="10.0.0.1:8080"} 1`+"\n")
		return typeMetrics
	}
	src.Config = func(string) (ConfigDocument, error) {
		return ConfigDocument{Body: []byte("middleware: {m: {jwks_url: \"https://id.internal.test/keys\", redis: {address: \"redis.cache.corp:6379\"}}}\nadmin: {allowed_hosts: [ops.corp.net], tls: {cert_file: admin.pem}}\nlisteners: {web: {address: \"127.0.0.1:80\"}}\n")}, nil
	}
	return src
}

func TestSupportIsABundle(t *testing.T) {
	s := start(t, Options{Sources: supportSources()})
	got := raw(t, s, request("GET", "/api/v1/support", "", ""))
	files, folder := unpack(t, got.body)
	if name := got.header.Get("Content-Disposition"); got.status != 200 || got.header.Get("Content-Type") != typeBundle || name != `attachment; filename="`+folder+`.tar.gz"` || !strings.HasPrefix(folder, "isame-support-") {
		t.Errorf("got %d %v, folder %s", got.status, got.header, folder)
	}
	for name, want := range map[string]string{
		"status.json": `"generation": 7`, "routes.json": `"name": "all"`, "pools.json": "10.0.0.1:8080", "listeners.json": "web", "certificates.json": "www.example.org",
		"limits.json": "rate_limit", "overlay.json": `"author": "ops"`, "metrics.txt": "isame_backend_up", "config/document.yaml": ":", "config/effective.yaml": "jwks_url", "config/history.json": "[",
		"records/errors.json": "/users/alice/orders", "records/slowest.json": "203.0.113.9", "records/blame.json": "88 % of the time",
		"profiles/goroutine.txt": "goroutine profile", "profiles/goroutine.pb.gz": "\x1f\x8b", "profiles/heap.pb.gz": "\x1f\x8b", "profiles/runtime.json": "go_version",
		"proc/limits": "Max open files", "proc/status": "VmRSS", "proc/fds.txt": "socket", "proc/version": "Linux", "README.txt": "look at them before",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s: got %.300q; want %q in it", name, files[name], want)
		}
	}
	for name := range files {
		if name != "README.txt" && !strings.Contains(files["README.txt"], name) {
			t.Errorf("README.txt does not name %s:\n%s", name, files["README.txt"])
		}
	}
	if old := raw(t, s, "GET /api/v1/support HTTP/1.0\r\nHost: $HOST\r\n\r\n"); old.status != 505 {
		t.Errorf("HTTP/1.0: got %d, %.100q; want 505, as it would take chunks for the archive", old.status, old.body)
	}
	if head := raw(t, s, request("HEAD", "/api/v1/support", "", "")); head.status != 200 || head.body != "" {
		t.Errorf("HEAD: got %d, %d bytes", head.status, len(head.body))
	}
	if bad := raw(t, s, request("GET", "/api/v1/support?redact=yes", "", "")); bad.status != 400 {
		t.Errorf("redact=yes: got %d; want 400", bad.status)
	}
}

// What is redacted is so in every file, always by the same name.
func TestSupportRedacts(t *testing.T) {
	s := start(t, Options{Sources: supportSources()})
	files, _ := unpack(t, raw(t, s, request("GET", "/api/v1/support?redact=1", "", "")).body)
	for name, text := range files {
		for _, hidden := range []string{"203.0.113.9", "2001:db8::7", "10.0.0.1", "10.0.0.3", "shop.example.com", "example.org", "internal.test", "alice", "cache.corp", "corp.net"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s shows %q:\n%.2000s", name, hidden, text)
			}
		}
	}
	if !strings.Contains(files["records/errors.json"], "/users/…") || !strings.Contains(files["config/effective.yaml"], "127.0.0.1:80") ||
		!strings.Contains(files["config/effective.yaml"], "admin.pem") {
		t.Errorf("got %s\n%s; want the first segment of paths, and addresses of this machine", files["records/errors.json"], files["config/effective.yaml"])
	}
	_, metric, _ := strings.Cut(files["metrics.txt"], `backend="`)
	backend, _, _ := strings.Cut(metric, `"`)
	if !strings.HasPrefix(backend, "ip-") || !strings.Contains(files["pools.json"], backend) || !strings.Contains(files["records/slowest.json"], backend) {
		t.Errorf("got %q in the metrics; want the same in pools and records", backend)
	}
	again, _ := unpack(t, raw(t, s, request("GET", "/api/v1/support?redact=1", "", "")).body)
	if strings.Contains(again["pools.json"], backend) {
		t.Error("another bundle has the same names")
	}
}

// A bundle has a bound, and says what it has left out, whatever a source does.
func TestBundlesAreBounded(t *testing.T) {
	big := func(w io.Writer) error {
		piece := make([]byte, 1<<20)
		for range 20 {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return nil
	}
	b := &bundle{folder: "f", at: probeTime, readme: "top"}
	for range 9 {
		b.members = append(b.members, member{name: "big" + itoa(len(b.members)), write: big})
	}
	b.members = append(b.members, member{name: "none", write: func(io.Writer) error { return errUnavailable }})
	b.begin()
	body, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := unpack(t, string(body))
	var all int
	for _, text := range files {
		all += len(text)
	}
	if all > bundleBytesMax+1<<16 || len(files["big0"]) != memberBytesMax || len(files) != 9 {
		t.Errorf("got %d bytes, files %v", all, slices.Sorted(maps.Keys(files)))
	}
	for _, want := range []string{"big0: cut", "big8: left out", "none: left out"} {
		if !strings.Contains(files["README.txt"], want) {
			t.Errorf("README.txt lacks %q:\n%s", want, files["README.txt"])
		}
	}
	b = &bundle{folder: "f", members: []member{{name: "a", write: func(io.Writer) error { panic("a bug") }}}}
	b.begin()
	if _, err := io.ReadAll(b); !errors.Is(err, errBundleBroken) {
		t.Errorf("a bug: got %v; want the bundle broken off", err)
	}
}

func TestRedactedText(t *testing.T) {
	r := newRedactor()
	r.knows("api.example.com:443", "*.shop.test", "db", "[2001:db8::1]:80", "192.0.2.1:80")
	ip, host := r.name("ip", "192.0.2.1"), r.name("host", "api.example.com")
	for text, want := range map[string]string{
		"":                                 "",
		"192.0.2.1:80":                     ip + ":80",
		"::ffff:192.0.2.1":                 ip,
		"api.example.com":                  host,
		"API.Example.com.":                 host + ".",
		"pool db at 127.0.0.1 and [::]:80": "pool db at 127.0.0.1 and [::]:80",
		"at 2026-03-04T05:06:07Z, v1.2.3":  "at 2026-03-04T05:06:07Z, v1.2.3",
		"middleware.limit.rate":            "middleware.limit.rate",
		"http://other.net/a.b":             "http://" + r.name("host", "other.net") + "/a.b",
	} {
		if got := string(r.text([]byte(text))); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
	for path, want := range map[string]string{"": "", "/": "/", "/a": "/a", "/a/b": "/a/…", "/a/": "/a/…", "*": "…"} {
		if got := firstSegment(path); got != want {
			t.Errorf("path %q: got %q; want %q", path, got, want)
		}
	}
}
