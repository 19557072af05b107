package proxies

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func writeConfig(dir, name, text string) (path string, err error) {
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("cannot write a configuration: %w", err)
	}
	return path, nil
}

func lines(backends []string, format string) string {
	var b strings.Builder
	for i, a := range backends {
		fmt.Fprintf(&b, format, i, a)
	}
	return b.String()
}

// configureIsame: everything that is on by default stays on. The number of
// connections to one backend is raised, since the others have no such limit.
func configureIsame(dir string, s setup) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "listeners:\n  web: {address: %q}\nroutes:\n  all: {path_prefix: /, pool: origin}\n", s.listen)
	b.WriteString("pools:\n  origin:\n    connections: {max: 16384}\n    backends:\n")
	for _, a := range s.backends {
		fmt.Fprintf(&b, "      - {address: %q}\n", a)
	}
	fmt.Fprintf(&b, "admin: {address: %q}\nlog: {level: warn}\n", s.admin)
	path, err := writeConfig(dir, "isame.yaml", b.String())
	return []string{"run", "--config", path}, err
}

// configureHAProxy: one thread, connections to the backends kept and shared.
func configureHAProxy(dir string, s setup) ([]string, error) {
	path, err := writeConfig(dir, "haproxy.cfg", `global
	nbthread 1
	no strict-limits
	maxconn 24000
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout http-keep-alive 60s
	option forwardfor
	http-reuse always
frontend web
	bind `+s.listen+`
	http-request set-header X-Forwarded-Proto http
	default_backend origin
backend origin
	balance roundrobin
`+lines(s.backends, "\tserver b%d %s\n"))
	return []string{"-db", "-q", "-f", path}, err
}

// configureNginx: one worker, connections to the backends kept, bodies in memory.
func configureNginx(dir string, s setup) ([]string, error) {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	path, err := writeConfig(dir, "nginx.conf", `daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid `+dir+`/nginx.pid;
error_log `+dir+`/nginx.log error;
`+user+`
events { worker_connections 30000; }
http {
	access_log off;
	client_body_temp_path `+dir+`/body;
	proxy_temp_path `+dir+`/proxy;
	client_body_buffer_size 128k;
	client_max_body_size 0;
	proxy_max_temp_file_size 0;
	keepalive_timeout 60s;
	keepalive_requests 1000000000;
	upstream origin {
`+lines(s.backends, "\t\tserver %[2]s; # %[1]d\n")+`
		keepalive 1024;
		keepalive_requests 1000000000;
	}
	server {
		listen `+s.listen+` backlog=4096;
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
		}
	}
}
`)
	return []string{"-e", filepath.Join(dir, "nginx.log"), "-p", dir, "-c", path}, err
}

// configureCaddy: connections to the backends kept; GOMAXPROCS follows the core
// it is pinned to.
func configureCaddy(dir string, s setup) ([]string, error) {
	path, err := writeConfig(dir, "Caddyfile", `{
	admin off
	auto_https off
	log {
		output discard
	}
}
http://`+s.listen+` {
	reverse_proxy {
		to `+strings.Join(s.backends, " ")+`
		lb_policy round_robin
		transport http {
			keepalive 60s
			keepalive_idle_conns 16384
			keepalive_idle_conns_per_host 16384
		}
	}
}
`)
	return []string{"run", "--config", path, "--adapter", "caddyfile"}, err
}
