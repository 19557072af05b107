package engine

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// site is a folder with files in it, of an hour ago, and one beside it; large files are
// noise of so many bytes.
func site(t testing.TB) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "site")
	for name, text := range map[string]string{
		"index.html": "<p>home", "app.js": strings.Repeat("let a = 1;\n", 400), "docs/index.html": "docs", "docs/empty/.keep": "x", "empty.txt": "",
		".env": "SECRET", ".git/config": "SECRET", "../outside.txt": "SECRET", ".well-known/security.txt": "contact", "a b.txt": "spaced",
		"evil.test/index.html": "no other host", "page.html": "<p>spare",
	} {
		put(t, root, name, []byte(text))
	}
	for name, size := range sizes {
		put(t, root, name, noise(size))
	}
	if err := os.Symlink("../outside.txt", filepath.Join(root, "out.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("app.js", filepath.Join(root, "in.js")); err != nil {
		t.Fatal(err)
	}
	return root
}

// sizes are those of files that are larger than what is held in memory, or open.
var sizes = map[string]int{"middle.bin": 48 << 10, "large.bin": 1 << 20, "huge.bin": 9 << 20}

func put(t testing.TB, root, name string, text []byte) {
	t.Helper()
	path, hourAgo := filepath.Join(root, name), time.Now().Add(-time.Hour)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
}

// filesText serves a folder; keys are further ones of files, route of the route.
func filesText(root, keys, route string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {files: {root: "` + root + `"` + keys + `}` + route + `}}
shutdown: {drain: 5s}
`
}

// Whatever is asked for comes often enough to be held, and seldom enough not to be.
func TestFilesOfARoute(t *testing.T) {
	r := start(t, filesText(site(t), "", ""), "")
	for _, tc := range []struct{ request, want string }{
		{"GET /", "200 text/html; charset=utf-8 7 <p>home"},
		{"HEAD /", "200 text/html; charset=utf-8 7 "},
		{"GET /index.html?x=1", "200 text/html; charset=utf-8 7 <p>home"},
		{"GET /docs/", "200 text/html; charset=utf-8 4 docs"},
		{"GET /docs", "308 ./docs/"},
		{"GET /docs?a=1&b=2", "308 ./docs/?a=1&b=2"},
		{"GET //evil.test", "308 ./evil.test/"}, // relative to where the client is, so to no other host
		{"GET /docs/../docs", "308 ./docs/"},
		{"GET /docs/empty", "404 file_not_found"},
		{"GET /docs/empty/", "404 file_not_found"},
		{"GET /empty.txt", "200 text/plain; charset=utf-8 0 "},
		{"GET /a%20b.txt", "200 text/plain; charset=utf-8 6 spaced"},
		{"GET //docs//index.html", "200 text/html; charset=utf-8 4 docs"},
		{"GET /.well-known/security.txt", "200 text/plain; charset=utf-8 7 contact"},
		{"GET /nothing", "404 file_not_found"},
		{"HEAD /nothing", "404 file_not_found"},
		{"GET /out.txt", "403 file_denied"},
		{"GET /.env", "404 file_not_found"},
		{"GET /%2eenv", "404 file_not_found"},
		{"GET /.git/config", "404 file_not_found"},
		{"GET /docs/%2e%2e/.git/config", "404 file_not_found"},
		{"GET /../outside.txt", "404 file_not_found"},
		{"GET /%2e%2e/outside.txt", "404 file_not_found"},
		{"GET /docs/../../outside.txt", "404 file_not_found"},
		{"GET /..%2foutside.txt", "400 bad_path"},
		{"GET /docs%2Findex.html", "404 file_not_found"},
		{"GET /%252e%252e/outside.txt", "404 file_not_found"},
		{"GET /..%5coutside.txt", "400 bad_path"},
		{"GET /..;/outside.txt", "400 bad_path"},
		{`GET /..\outside.txt`, "400 bad_path"},
		{"GET /%c0%ae%c0%ae/outside.txt", "400 bad_path"},
		{"GET /index.html%00.txt", "400 bad_path"},
		{"GET /" + strings.Repeat("x", 5000), "404 file_not_found"},
		{"POST /", "405 method_not_allowed"},
		{"OPTIONS /", "405 method_not_allowed"},
		{"DELETE /index.html", "405 method_not_allowed"},
	} {
		for range 12 {
			c := r.dial()
			method, _, _ := strings.Cut(tc.request, " ")
			c.send(tc.request + " HTTP/1.1\r\nHost: t\r\n\r\n")
			if got := summaryOf(c.receive(method)); got != tc.want {
				t.Errorf("%.60s: got %q; want %q", tc.request, got, tc.want)
				break
			}
			_ = c.Close()
		}
	}
	c := r.dial()
	c.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
	if got := c.receive("PUT").Header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow is %q", got)
	}
}

func summaryOf(a reply) string {
	switch {
	case a.Header.Get("X-Isame-Error") != "":
		return fmt.Sprint(a.StatusCode, " ", a.Header.Get("X-Isame-Error"))
	case a.StatusCode/100 == 3:
		return fmt.Sprint(a.StatusCode, " ", a.Header.Get("Location"))
	}
	return fmt.Sprint(a.StatusCode, " ", a.Header.Get("Content-Type"), " ", a.ContentLength, " ", a.body)
}

// What the client has already is not sent again, and a part where it asks for one; of a
// file in memory and of one on the disk.
func TestConditionsAndRangesOfFiles(t *testing.T) {
	root := site(t)
	r := start(t, filesText(root, "", ""), "")
	for _, name := range []string{"app.js", "large.bin"} {
		whole, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		first := r.dial().get("/" + name)
		tag, at := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
		if len(tag) < 5 || at == "" || first.Header.Get("Accept-Ranges") != "bytes" {
			t.Fatalf("%s: got %v; want ETag, Last-Modified and Accept-Ranges", name, first.Header)
		}
		n := len(whole)
		for _, tc := range []struct {
			field, span string
			status      int
			want        []byte
		}{
			{"If-None-Match: " + tag, "", 304, nil},
			{"If-None-Match: W/" + tag, "", 304, nil},
			{"If-Modified-Since: " + at, "", 304, nil},
			{`If-None-Match: "x"`, "", 200, whole},
			{`If-Match: "x"`, "", 412, nil},
			{"Range: bytes=10-19", fmt.Sprintf("bytes 10-19/%d", n), 206, whole[10:20]},
			{"Range: bytes=-5", fmt.Sprintf("bytes %d-%d/%d", n-5, n-1, n), 206, whole[n-5:]},
			{"Range: bytes=1-", fmt.Sprintf("bytes 1-%d/%d", n-1, n), 206, whole[1:]},
			{fmt.Sprintf("Range: bytes=%d-", n), fmt.Sprintf("bytes */%d", n), 416, nil},
			{"Range: bytes=0-1,3-4", "", 200, whole},
			{"Range: bytes=0-1\r\nIf-Range: " + tag, fmt.Sprintf("bytes 0-1/%d", n), 206, whole[:2]},
			{"Range: bytes=0-1\r\nIf-Range: \"x\"", "", 200, whole},
		} {
			c := r.dial()
			for range 10 {
				c.send("GET /" + name + " HTTP/1.1\r\nHost: t\r\n" + tc.field + "\r\n\r\n")
				got := c.receive("GET")
				if got.StatusCode != tc.status || got.body != string(tc.want) || got.Header.Get("Content-Range") != tc.span {
					t.Errorf("%s, %s: got %d, %d bytes, %q; want %d, %d bytes, %q", name, tc.field,
						got.StatusCode, len(got.body), got.Header.Get("Content-Range"), tc.status, len(tc.want), tc.span)
				}
				if tc.status == 304 && (got.Header.Get("ETag") != tag || got.Header.Get("Content-Type") != "") {
					t.Errorf("%s, %s: a 304 with %v", name, tc.field, got.Header)
				}
			}
			_ = c.Close()
		}
	}
}

// Requests that come at once are answered one after the other, wherever their content is.
func TestPipelinedFiles(t *testing.T) {
	root := site(t)
	r := start(t, filesText(root, "", ""), "")
	names := []string{"index.html", "large.bin", "nothing", "app.js", "huge.bin", "empty.txt", "middle.bin", "index.html"}
	c := r.dial()
	for range 2 {
		var all strings.Builder
		for _, name := range names {
			all.WriteString("GET /" + name + " HTTP/1.1\r\nHost: t\r\n\r\n")
		}
		go c.send(all.String())
		for _, name := range names {
			want, err := os.ReadFile(filepath.Join(root, name))
			got := c.receive("GET")
			if err == nil && (got.StatusCode != 200 || got.body != string(want)) {
				t.Fatalf("%s: got %d and %d bytes; want %d", name, got.StatusCode, len(got.body), len(want))
			}
			if err != nil && got.StatusCode != 404 {
				t.Errorf("%s: got %d; want 404", name, got.StatusCode)
			}
		}
		renew(c)
	}
	c.send("GET /large.bin HTTP/1.0\r\n\r\n") // and the connection ends
	if got := c.receive("GET"); len(got.body) != sizes["large.bin"] || !got.Close {
		t.Errorf("HTTP/1.0 got %d bytes, close %v", len(got.body), got.Close)
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("got %v behind it; want the end", err)
	}
}

// Every version of HTTP gets the same bytes, over TLS, too.
func TestFilesOverEveryVersionOfHTTP(t *testing.T) {
	t.Parallel()
	root := site(t)
	r := start(t, strings.Replace(h3Text(t), "all: {pool: p}", `all: {files: {root: "`+root+`"}}`, 1), "127.0.0.1:1")
	h3, _ := r.h3Client()
	for name, c := range map[string]*http.Client{"HTTP/1.1": r.h1TLSClient(), "HTTP/2.0": r.h2TLSClient(), "HTTP/3.0": h3} {
		for file, times := range map[string]int{"index.html": 10, "app.js": 10, "middle.bin": 10, "large.bin": 10, "huge.bin": 1} {
			want, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			for range times {
				resp, err := c.Get("https://a.test/" + file)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if resp.Proto != name || err != nil || !bytes.Equal(got, want) || resp.ContentLength != int64(len(want)) {
					t.Fatalf("%s of %s: got %s, %d bytes, %v; want %d", name, file, resp.Proto, len(got), err, len(want))
				}
			}
		}
		resp, err := c.Head("https://a.test/large.bin")
		if err != nil || resp.ContentLength != int64(sizes["large.bin"]) {
			t.Fatalf("%s: HEAD got %v, %v", name, resp, err)
		}
		_ = resp.Body.Close()
	}
}

// A file that becomes shorter while it is sent cannot be sent: the client sees that, and
// it is counted.
func TestFileThatShrinksOnItsWay(t *testing.T) {
	root := site(t)
	var log lockedBuffer
	r := startLogged(t, &log, filesText(root, "", ""), "")
	path := filepath.Join(root, "vast.bin")
	put(t, root, "vast.bin", nil)
	if err := os.Truncate(path, 256<<20); err != nil {
		t.Fatal(err)
	}
	c := r.dial()
	c.send("GET /vast.bin HTTP/1.1\r\nHost: t\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n >= resp.ContentLength {
		t.Errorf("got %d of %d bytes and %v; want a message that breaks off", n, resp.ContentLength, err)
	}
	eventually(t, r.ends, func() bool { return r.ends() == "file_failed proxy relay 1" })
	eventually(t, log.String, func() bool { return strings.Contains(log.String(), "become shorter") })
}

// A client that leaves in the middle is counted as one, and nothing stays open for it.
func TestClientLeavesAFile(t *testing.T) {
	root := site(t)
	put(t, root, "vast.bin", nil)
	if err := os.Truncate(filepath.Join(root, "vast.bin"), 256<<20); err != nil {
		t.Fatal(err)
	}
	checkUsage(t) // before there are workers, which stay for a while
	r := start(t, filesText(root, "", ""), "")
	c := r.dial()
	c.send("GET /vast.bin HTTP/1.1\r\nHost: t\r\n\r\n")
	if _, err := c.r.Peek(100); err != nil {
		t.Fatal(err)
	}
	tcp, _ := c.Conn.(*net.TCPConn)
	_ = tcp.SetLinger(0)
	_ = c.Close()
	eventually(t, r.ends, func() bool { return r.ends() == "client_gone client relay 1" })
}

// A folder that goes is an error of the proxy, and no longer one when it is back.
func TestFolderThatGoes(t *testing.T) {
	root := site(t)
	var log lockedBuffer
	r := startLogged(t, &log, filesText(root, "", ""), "")
	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	c := r.dial()
	if got := summaryOf(c.get("/index.html")); got != "500 file_failed" {
		t.Errorf("got %q; want 500", got)
	}
	if !strings.Contains(log.String(), "cannot serve the files of a route") || !strings.Contains(log.String(), `"route":"all"`) {
		t.Errorf("nothing is said of it:\n%s", log.String())
	}
	if err := os.Rename(root+".away", root); err != nil {
		t.Fatal(err)
	}
	if got := c.get("/index.html"); got.body != "<p>home" {
		t.Errorf("got %d %q; want the file again", got.StatusCode, got.body)
	}
	eventually(t, r.ends, func() bool { return r.ends() == "file_failed proxy admit 1, ok nobody done 1" })
}

// A change is seen at once by those who ask now and then, and soon by those who ask often.
func TestFilesThatChange(t *testing.T) {
	root := site(t)
	r := start(t, filesText(root, "", ""), "")
	c := r.dial()
	for i := range 4 {
		text := fmt.Sprint("version ", i)
		put(t, root, "index.html", []byte(text))
		if got := c.get("/"); got.body != text {
			t.Errorf("got %q; want %q", got.body, text)
		}
	}
	tag := ""
	for range 30 {
		tag = c.get("/app.js").Header.Get("ETag")
	}
	put(t, root, "app.js", []byte("changed"))
	eventually(t, func() string { return "the new text" }, func() bool {
		got := c.get("/app.js")
		return got.body == "changed" && got.Header.Get("ETag") != tag
	})
}

// The keys of the section: another index, and a page where nothing is found.
func TestKeysOfFiles(t *testing.T) {
	root := site(t)
	r := start(t, filesText(root, ", index: page.html, fallback: docs/index.html", ""), "")
	for path, want := range map[string]string{
		"/": "<p>spare", "/some/route": "docs", "/docs/": "docs", "/docs": "docs", "/index.html": "<p>home",
	} {
		if got := r.dial().get(path); got.StatusCode != 200 || got.body != want {
			t.Errorf("%s: got %d %q; want %q", path, got.StatusCode, got.body, want)
		}
	}
	if got := summaryOf(r.dial().get("/.env")); got != "404 file_not_found" {
		t.Errorf("got %q for a name that is not served; want 404", got)
	}
	other := site(t)
	put(t, other, "index.html", []byte("other root"))
	r.apply(filesText(other, ", index: \"\"", ""), "")
	if got := summaryOf(r.dial().get("/")); got != "404 file_not_found" {
		t.Errorf("got %q without an index; want 404", got)
	}
	if got := r.dial().get("/index.html"); got.body != "other root" {
		t.Errorf("got %q; want the file of the other root", got.body)
	}
}

// Many who ask for many files at once, while files come and go, get each its own.
func TestFilesUnderLoad(t *testing.T) {
	t.Parallel()
	root := site(t)
	names := []string{"index.html", "app.js", "middle.bin", "large.bin"}
	want := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		want[name] = text
	}
	r := start(t, filesText(root, "", ""), "")
	errs := make(chan error, 8)
	for i := range cap(errs) {
		go func() { errs <- r.fetchAll(slices.Concat(names[i%4:], names[:i%4]), want, 12) }()
	}
	for i := range 200 {
		put(t, root, fmt.Sprintf("other-%d", i%7), []byte("x"))
		hourAgo := time.Now().Add(-time.Hour - time.Duration(i)*time.Second)
		if err := os.Chtimes(filepath.Join(root, "app.js"), hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// fetchAll asks for the files, one after the other, over one connection.
func (r *rig) fetchAll(names []string, want map[string][]byte, rounds int) error {
	client := http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range rounds {
		for _, name := range names {
			resp, err := client.Get("http://" + r.address + "/" + name)
			if err != nil {
				return err
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want[name]) {
				return fmt.Errorf("%s: got %d bytes; want %d", name, len(got), len(want[name]))
			}
		}
	}
	return nil
}
