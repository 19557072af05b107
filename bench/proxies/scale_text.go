package proxies

import (
	"bytes"
	"fmt"
	"path/filepath"
)

// isame has a route for each host, with a prefix.
func (w *scaleWriter) isame(admin, front string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "listeners: {web: {address: %q}}\nadmin: {address: %q}\nlog: {level: warn}\nroutes:\n", front, admin)
	for n := range w.scale.Routes {
		fmt.Fprintf(&b, "  r%d:\n    hosts: [h%d.example]\n    path_prefix: /p%d\n    pool: p%d\n", n, n, n, n%w.scale.Pools)
	}
	fmt.Fprintf(&b, "pools:\n")
	for n := range w.scale.Pools {
		fmt.Fprintf(&b, "  p%d:\n    backends:\n", n)
		for i := range w.scale.Backends {
			fmt.Fprintf(&b, "      - {address: %q}\n", w.backend(n, i))
		}
	}
	return b.Bytes()
}

// haproxy has a line of a map, or of rules, for each host with its prefix.
func (w *scaleWriter) haproxy(front, rules string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "global\n  maxconn 1000\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n"+
		"frontend web\n  bind %s\n", front)
	if rules == "map" {
		fmt.Fprintf(&b, "  use_backend %%[base,map_beg(%s)]\n", filepath.Join(w.dir, "routes.map"))
	} else {
		for n := range w.scale.Routes {
			fmt.Fprintf(&b, "  use_backend p%d if { hdr(host) -i h%d.example } { path_beg /p%d/ }\n", n%w.scale.Pools, n, n)
		}
	}
	for n := range w.scale.Pools {
		fmt.Fprintf(&b, "backend p%d\n  balance roundrobin\n", n)
		for i := range w.scale.Backends {
			fmt.Fprintf(&b, "  server s%d %s\n", i, w.backend(n, i))
		}
	}
	return b.Bytes()
}

// routesMap is what that map reads.
func (w *scaleWriter) routesMap() []byte {
	var b bytes.Buffer
	for n := range w.scale.Routes {
		fmt.Fprintf(&b, "h%d.example/p%d/ p%d\n", n, n, n%w.scale.Pools)
	}
	return b.Bytes()
}
