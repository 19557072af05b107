package proxies

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// folderOf stands in the words of stages for the folder of a contender.
const folderOf = "$FOLDER"

// file is one that a contender serves from its disk, below /files/.
type file struct {
	name  string
	bytes int
}

// served is a file that is sent by the proxy itself, with the kernel moving the bytes
// where the proxy can have it do so.
func served(name string, bytes int) *stages {
	return &stages{
		files: []file{{name, bytes}},
		isameRoutes: `
  files: {path_prefix: /files, files: {root: "` + folderOf + `/site"}}
`,
		nginxHTTP: `
	sendfile on;
	tcp_nopush on;
	open_file_cache max=1024;`,
		nginxServer: `
		location /files/ { root "` + folderOf + `/site"; }`,
		path: "/files/" + name, check: func(a *http.Response, content []byte) error {
			if len(content) != bytes || a.Header.Get("Last-Modified") == "" || a.Header.Get("ETag") == "" {
				return fmt.Errorf("%d bytes with the fields %v; it must be the file of %d", len(content), a.Header, bytes) //nolint:err113 // for people
			}
			return nil
		},
	}
}

// lay writes the files that a contender serves into its folder.
func (s *stages) lay(dir string) error {
	if s == nil || len(s.files) == 0 {
		return nil
	}
	site := filepath.Join(dir, "site", "files")
	if err := os.MkdirAll(site, 0o755); err != nil { //nolint:gosec // nginx may read it as another user
		return fmt.Errorf("cannot create a folder: %w", err)
	}
	for _, f := range s.files {
		content := strings.Repeat("0123456789abcdef", (f.bytes+15)/16)[:f.bytes]
		if err := os.WriteFile(filepath.Join(site, f.name), []byte(content), 0o644); err != nil { //nolint:gosec // likewise
			return fmt.Errorf("cannot write the file %q: %w", f.name, err)
		}
	}
	return nil
}
