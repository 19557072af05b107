package engine

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func compressRow(*testing.T) *stageRow {
	const lines = 1000
	content := strings.Repeat("{\"a\": \"line\"}\n", lines)
	return &stageRow{
		stages: `s: {type: compress, encodings: [gzip]}`,
		serve: func(w http.ResponseWriter, q *http.Request) bool {
			if q.URL.Path != "/json" {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, content)
			return true
		},
		cases: []stageCase{
			{
				name: "wanted", target: "/json", kinds: []string{plainWay}, fields: []string{"Accept-Encoding: br;q=0, gzip"},
				want: effect{fields: []string{"Content-Encoding: gzip", "Vary: Accept-Encoding"}},
			},
			{
				name: "not wanted", target: "/json", kinds: []string{plainWay}, fields: []string{"Accept-Encoding: gzip;q=0"},
				want: effect{body: content, fields: []string{"-Content-Encoding"}},
			},
			{name: "of no size, or of others", fields: []string{"Accept-Encoding: gzip"}, want: effect{fields: []string{"-Content-Encoding"}}},
		},
		check: func(t *testing.T, _ *way, c *stageCase, got *told) {
			t.Helper()
			if c.name != "wanted" {
				return
			}
			z, err := gzip.NewReader(strings.NewReader(got.body))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(z); err != nil || string(plain) != content || len(got.body) > len(content)/10 {
				t.Errorf("got %d bytes for %d, %v; want the content, smaller", len(got.body), len(plain), err)
			}
		},
	}
}

func errorPagesRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: error_pages, from: both, body: "<p>sorry</p>", content_type: text/html}
no: {type: deny, status: 503, when: {path: /no}}
`,
		order: "[s, no]",
		serve: func(w http.ResponseWriter, q *http.Request) bool {
			if q.URL.Path != "/fails" {
				return false
			}
			http.Error(w, "of the backend", http.StatusInternalServerError)
			return true
		},
		cases: []stageCase{
			{
				name: "of the proxy", target: "/no", fields: []string{"Accept: text/html"},
				want: effect{status: 503, cause: "denied", body: "<p>sorry</p>"},
			},
			{
				name: "of the proxy, for programs", target: "/no", fields: []string{"Accept: application/json"}, kinds: []string{plainWay},
				want: effect{status: 503, cause: "denied", fields: []string{"Content-Type: application/problem+json"}},
			},
			{
				name: "of the backend", target: "/fails", fields: []string{"Accept: text/html"}, kinds: []string{plainWay, upgradeWay},
				want: effect{status: 500, body: "<p>sorry</p>", fields: []string{"Content-Type: text/html"}},
			},
			{name: "good", want: effect{fields: []string{"X-Backend: yes"}}},
		},
	}
}

// affinityRow has two backends, each of which has issued a session.
func affinityRow(t *testing.T) *stageRow {
	t.Helper()
	is := func(name string) func(w http.ResponseWriter, q *http.Request) bool {
		return func(w http.ResponseWriter, q *http.Request) bool {
			w.Header().Set("X-Is", name)
			if q.URL.Path == "/new" {
				w.Header().Set("Mcp-Session-Id", "session-of-"+name)
			}
			return false
		}
	}
	return &stageRow{
		stages: "s: {type: affinity}", serve: is("a"), ahead: seeingBackend(t, is("b")),
		begin: func(m *matrix) (end func()) {
			client, issued := m.web.h1Client(), map[string]bool{}
			eventually(m.t, func() string { return "two sessions" }, func() bool {
				got := m.plain(client, "http", &stageCase{target: "/new"}, nil)
				issued[got.fields.Get("X-Is")] = true
				return len(issued) == 2
			})
			return func() {}
		},
		cases: []stageCase{
			{name: "one", fields: []string{"Mcp-Session-Id: session-of-a"}, want: effect{fields: []string{"X-Is: a"}}},
			{name: "the other", fields: []string{"Mcp-Session-Id: session-of-b"}, want: effect{fields: []string{"X-Is: b"}}},
		},
	}
}

// mirrorRow has a pool that is sent copies.
func mirrorRow(t *testing.T) *stageRow {
	t.Helper()
	var copies sync.Map
	shadow := seeingBackend(t, func(w http.ResponseWriter, q *http.Request) bool {
		copies.Store(q.Header.Get("X-Way"), textOf(q))
		w.WriteHeader(http.StatusInternalServerError) // nobody cares
		return true
	})
	return &stageRow{
		stages: `s: {type: mirror, pool: shadow, percent: 100}`, pools: `shadow: {backends: [{address: "` + shadow + `"}]}`,
		cases: []stageCase{{name: "copied", target: "/x?q", fields: []string{"X-Way: {way}"}, want: effect{fields: []string{"X-Backend: yes"}}}},
		check: func(t *testing.T, w *way, _ *stageCase, got *told) {
			t.Helper()
			if w.kind != plainWay {
				return
			}
			method, _, _ := strings.Cut(got.body, " ")
			eventually(t, func() string { return "no copy" }, func() bool {
				text, _ := copies.Load(w.key())
				seen, _ := text.(string)
				return strings.HasPrefix(seen, method+" /x?q a.test\n") && (method == "GET" || strings.Contains(seen, contentSent))
			})
			for _, other := range ways() {
				if _, sent := copies.Load(other.key()); sent && other.kind == upgradeWay {
					t.Errorf("a copy of %s was sent; want none of upgrades", other.name)
				}
			}
		},
	}
}
