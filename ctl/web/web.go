// Package web holds the dashboard: a page, its style sheets and its ES modules, as they are
// served. Nothing is built, and nothing is fetched from elsewhere; vendor has what others wrote,
// with its licence.
//
// Start reading at page/app.js (which view is shown), page/store.js (what is known of the
// process, and how it is asked) and page/dom.js (how text of others comes onto the page).
//
// Imported by ctl. Imports nothing of ours.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"path"
	"slices"
)

// Index is the name of the page itself.
const Index = "index.html"

//go:embed page vendor
var files embed.FS

// Asset is one file as it is sent.
type Asset struct {
	// Type is its media type.
	Type string
	// ETag names its content, with quotes.
	ETag string
	// Body is not to be changed.
	Body []byte
}

// mediaTypes are those of the files by the end of their names.
var mediaTypes = map[string]string{
	".html":    "text/html; charset=utf-8",
	".css":     "text/css; charset=utf-8",
	".js":      "text/javascript; charset=utf-8",
	".svg":     "image/svg+xml",
	".LICENSE": "text/plain; charset=utf-8",
}

// assets are all files by their names, which are different in all folders.
var assets = load()

// Find is the file of a name.
func Find(name string) (Asset, bool) {
	a, ok := assets[name]
	return a, ok
}

// Types are the media types of all files.
func Types() []string {
	list := make([]string, 0, len(mediaTypes))
	for _, t := range mediaTypes {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

func load() map[string]Asset {
	all := map[string]Asset{}
	err := fs.WalkDir(files, ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := files.ReadFile(at)
		if err != nil {
			return err //nolint:wrapcheck // it is in the binary
		}
		name := path.Base(at)
		mediaType, known := mediaTypes[path.Ext(name)]
		if _, twice := all[name]; twice || !known {
			panic("BUG: the dashboard has a file that cannot be served: " + at)
		}
		sum := sha256.Sum256(body)
		all[name] = Asset{Type: mediaType, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, Body: body}
		return nil
	})
	if err != nil {
		panic("BUG: the files of the dashboard cannot be read: " + err.Error())
	}
	return all
}
