package ctl

import (
	"html"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/web"
)

// index is the answer of GET /: what there is to ask for.
type index struct {
	Name string `json:"name"`
	// Links are the paths of all reads.
	Links []link `json:"links"`
}

// link is one call in index.
type link struct {
	Path    string `json:"path"`
	Summary string `json:"summary"`
}

func (s *Server) index(x *call) error {
	x.ctx.Response.Header.Set("Vary", "Accept")
	isBrowser := strings.Contains(string(x.ctx.Request.Header.Peek("Accept")), "text/html")
	if isBrowser && s.guard.access.Load().dashboard {
		return x.asset(web.Index)
	}
	page := index{Name: "isame-lb admin", Links: []link{}}
	for i := range s.endpoints {
		if e := &s.endpoints[i]; e.method == fasthttp.MethodGet && e.pattern != "/" {
			page.Links = append(page.Links, link{Path: e.pattern, Summary: e.doc.summary})
		}
	}
	if !isBrowser {
		return x.answer(page)
	}
	x.ctx.SetContentType(typeHTML)
	x.ctx.SetBodyString(page.html())
	return nil
}

// html is the page for a browser; a path with a parameter is shown, not linked.
func (p *index) html() string {
	var sb strings.Builder
	sb.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>` + html.EscapeString(p.Name) + `</title>` +
		`<meta name="viewport" content="width=device-width"><style>` +
		`body{font:16px/1.5 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color-scheme:light dark}` +
		`dt{font-family:ui-monospace,monospace}dd{margin:0 0 .6em 1.5em}</style></head><body><h1>` + html.EscapeString(p.Name) + `</h1><dl>`)
	for _, l := range p.Links {
		path := html.EscapeString(l.Path)
		if strings.Contains(l.Path, "{") {
			sb.WriteString("<dt>" + path + "</dt>")
		} else {
			sb.WriteString(`<dt><a href="` + path + `">` + path + "</a></dt>")
		}
		sb.WriteString("<dd>" + html.EscapeString(l.Summary) + "</dd>")
	}
	sb.WriteString("</dl></body></html>\n")
	return sb.String()
}
