package engine

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Files are asked for by names that stages have changed, and their answers pass stages
// like all others.
func TestFilesBehindStages(t *testing.T) {
	root := site(t)
	put(t, root, "large.js", bytes.Repeat([]byte("let a = 1;\n"), 20_000))
	r := start(t, filesText(root, "", ", middleware: [off, packed, said, pages]")+`
middleware:
  off: {type: rewrite, strip_prefix: /static}
  packed: {type: compress, encodings: [gzip]}
  said: {type: headers, response: {set: {X-Said: "{status}", Cache-Control: "max-age=60"}}}
  pages: {type: error_pages, statuses: [404], body: "nothing here"}
`, "")
	client := r.h1Client()
	for _, name := range []string{"app.js", "large.js", "large.bin", "middle.bin"} {
		want, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			resp, err := client.Get("http://" + r.address + "/static/" + name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || !bytes.Equal(got, want) || resp.Header.Get("X-Said") != "200" || resp.Uncompressed != strings.HasSuffix(name, ".js") {
				t.Fatalf("%s: got %d bytes, %v, %v, packed %v; want %d", name, len(got), err, resp.Header, resp.Uncompressed, len(want))
			}
		}
	}
	c := r.dial()
	packed := "Accept-Encoding: gzip\r\n"
	c.send("GET /static/app.js HTTP/1.1\r\nHost: t\r\n" + packed + "\r\n")
	tag := c.receive("GET").Header.Get("ETag")
	if !strings.HasPrefix(tag, "W/") {
		t.Fatalf("the tag of what was compressed is %q", tag)
	}
	c.send("GET /static/app.js HTTP/1.1\r\nHost: t\r\n" + packed + "If-None-Match: " + tag + "\r\n\r\n")
	if got := c.receive("GET"); got.StatusCode != 304 || got.Header.Get("ETag") != tag || got.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("got %d %v; want 304 of what the client has", got.StatusCode, got.Header)
	}
	c.send("GET /static/large.js HTTP/1.1\r\nHost: t\r\n" + packed + "Range: bytes=4-4\r\n\r\n")
	if got := c.receive("GET"); got.StatusCode != 206 || got.body != "a" {
		t.Errorf("got %d %q; want one byte", got.StatusCode, got.body)
	}
	c.send("HEAD /static/large.bin HTTP/1.1\r\nHost: t\r\n\r\n")
	if got := c.receive("HEAD"); got.ContentLength != int64(sizes["large.bin"]) || got.Header.Get("X-Said") != "200" {
		t.Errorf("HEAD got %d, %v", got.ContentLength, got.Header)
	}
	if got := c.get("/static/nothing"); got.StatusCode != 404 || got.body != "nothing here" {
		t.Errorf("got %d %q; want the page of the stage", got.StatusCode, got.body)
	}
	if got := c.get("/static/docs").Header.Get("Location"); got != "./docs/" {
		t.Errorf("got %q; want a redirect that holds where the client is", got)
	}
	if got := c.get("/static"); got.body != "<p>home" {
		t.Errorf("got %q", got.body)
	}
}

// A bound on bandwidth holds for files, too, also for what is in memory.
func TestFilesKeepToTheirBandwidth(t *testing.T) {
	t.Parallel()
	root := site(t)
	r := start(t, filesText(root, "", ", middleware: [slow]")+`
middleware: {slow: {type: bandwidth_limit, response: 512KiB}}
`, "")
	began := time.Now()
	if got := r.dial().get("/large.bin"); len(got.body) != sizes["large.bin"] {
		t.Errorf("got %d bytes", len(got.body))
	}
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("1 MiB took %v; want more than half a second", took)
	}
}

// Handlers of fasthttp see files, and may change them.
func TestFilesInHandlers(t *testing.T) {
	root := site(t)
	for _, tc := range []struct{ name, behind string }{{"t_pass", ""}, {"t_body", " and more"}} {
		r := start(t, filesText(root, "", ", middleware: [h]")+"middleware: {h: {type: "+tc.name+", options: {}}}\n", "")
		for _, name := range []string{"index.html", "app.js", "large.bin"} {
			want, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if got := r.dial().get("/" + name); got.StatusCode != 200 || got.body != string(want)+tc.behind {
					t.Fatalf("%s of %s: got %d and %d bytes; want %d", tc.name, name, got.StatusCode, len(got.body), len(want)+len(tc.behind))
				}
			}
		}
	}
}
