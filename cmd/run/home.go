package run

import (
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// demoLinks are the addresses that the introduction names.
type demoLinks struct {
	// front is the first listener as a client on this machine writes it.
	front string
	// admin is the admin endpoint; nil when it is off. adminTLS says that it speaks TLS.
	admin    net.Addr
	adminTLS bool
	// metrics is the path of the metrics there; empty when they are off.
	metrics string
}

// home answers with the service page of the embedded default: JSON, or words
// for a browser.
type home struct {
	build   api.Build
	started time.Time
	links   atomic.Pointer[demoLinks] // nil until everything listens
}

// homePage is what the page says.
type homePage struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Uptime  string            `json:"uptime"`
	Links   map[string]string `json:"links"`
}

func (h *home) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := homePage{
		Name: "isame-lb", Version: h.build.Version, Uptime: time.Since(h.started).Round(time.Second).String(), Links: h.addresses(),
	}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = homeTemplate.Execute(w, page) // the client may have left
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) //nolint:errchkjson // the client may have left
}

// addresses are the links of the page by name. Those of the admin endpoint work
// on the machine of the proxy; one on a unix socket has none.
func (h *home) addresses() map[string]string {
	all := map[string]string{"health": "/health", "demo": "/anything"}
	links := h.links.Load()
	if links == nil || links.admin == nil || links.admin.Network() == "unix" {
		return all
	}
	base := "http://" + reachable(links.admin.String())
	if links.adminTLS {
		base = "https://" + reachable(links.admin.String())
	}
	all["admin"], all["status"] = base+"/", base+"/api/v1/status"
	if links.metrics != "" {
		all["metrics"] = base + links.metrics
	}
	return all
}

var homeTemplate = template.Must(template.New("home").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Isame serves</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.about { margin-top: .25rem; opacity: .75; } li { margin: .25rem 0; }
code { font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>Isame serves</h1>
<p class="about">{{.Name}} {{.Version}}, up for {{.Uptime}}</p>
<p>Isame is a load balancer and edge proxy for HTTP. It found no configuration file, so it shows its demo: this page,
and three small backends that take turns with every other request.</p>
<h2>Try it</h2>
<ul>
<li><a href="{{.Links.demo}}">{{.Links.demo}}</a>: one of the three backends answers and says
what it was sent. Reload it, and the next one does.</li>
<li><a href="{{.Links.health}}">{{.Links.health}}</a>: answered by the proxy itself.</li>
</ul>
{{with .Links.admin}}<h2>Look inside</h2>
<p>On the machine where Isame runs:</p>
<ul>
<li><a href="{{.}}">Dashboard</a>: the three backends, their traffic, and what can be done about them.
Drain one and reload the link above.</li>
<li><a href="{{$.Links.status}}">Status</a>: connections, requests, pools and backends as they are now.</li>
{{with $.Links.metrics}}<li><a href="{{.}}">Metrics</a> for Prometheus.</li>
{{end}}</ul>
{{end}}<h2>Make it your own</h2>
<p><code>isame-lb init</code> writes a commented <code>isame.yaml</code>. Put your backends into it and start again.</p>
</body>
</html>
`))
