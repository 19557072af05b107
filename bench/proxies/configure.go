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
	fmt.Fprintf(&b, "listeners:\n  web:\n    address: %q\n", s.listen)
	if e := s.edge; e != nil {
		fmt.Fprintf(&b, "    tls: {min_version: %q, certificates: [{cert_file: %q, key_file: %q}]}\n", "1.3", e.certFile, e.keyFile)
	}
	if s.clients2 {
		b.WriteString("    h2c: true\n")
	}
	b.WriteString("routes:\n")
	if s.large != "" {
		b.WriteString("  large: {path_prefix: " + largePath + ", pool: large}\n")
	}
	fmt.Fprintf(&b, "  all: {path_prefix: /, pool: origin%s}\n%spools:\n", s.stages.route(), s.stages.sections(dir))
	if s.large != "" {
		fmt.Fprintf(&b, "  large: {backends: [{address: %q}]}\n", s.large)
	}
	b.WriteString("  origin:\n    connections: {max: 16384}\n")
	if s.servers2 {
		b.WriteString("    protocol: h2c\n")
	}
	b.WriteString("    backends:\n")
	for _, a := range s.backends {
		fmt.Fprintf(&b, "      - {address: %q}\n", a)
	}
	fmt.Fprintf(&b, "admin: {address: %q}\nlog: {level: warn, access: {enabled: %t}}\n", s.admin, s.logged)
	path, err := writeConfig(dir, "isame.yaml", b.String())
	return []string{"run", "--config", path}, err
}

// configureHAProxy: one thread, connections to the backends kept and shared.
func configureHAProxy(dir string, s setup) ([]string, error) {
	global, bind, timeout, log, server := "", "", "", "", ""
	use, large := "", ""
	if s.large != "" {
		use = "\tuse_backend large if { path_beg " + largePath + " }\n"
		large = "backend large\n\tserver b " + s.large + "\n"
	}
	if s.clients2 {
		bind = " proto h2"
	}
	if s.servers2 {
		server = " proto h2"
	}
	if e := s.edge; e != nil {
		global = "\tssl-default-bind-options ssl-min-ver TLSv1.3\n\tssl-default-bind-ciphersuites " + cipherSuite +
			"\n\tssl-default-bind-curves " + e.exchange.openSSL + "\n"
		bind = " ssl crt " + e.bothFile + " alpn h2,http/1.1"
	}
	if s.tunnels {
		timeout = "\ttimeout tunnel 1h\n"
	}
	if s.logged {
		global += "\tlog stdout format raw local0\n"
		log = "\tlog global\n\toption httplog\n"
	}
	path, err := writeConfig(dir, "haproxy.cfg", `global
	nbthread 1
	no strict-limits
	maxconn 24000
`+global+`defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout http-keep-alive 60s
`+timeout+log+`	option forwardfor
	http-reuse always
frontend web
	bind `+s.listen+bind+`
	http-request set-header X-Forwarded-Proto `+s.scheme()+`
`+use+`	default_backend origin
`+large+`backend origin
	balance roundrobin
`+lines(s.backends, "\tserver b%d %s"+server+"\n"))
	if s.logged { // -q closes standard output
		return []string{"-db", "-f", path}, err
	}
	return []string{"-db", "-q", "-f", path}, err
}

// configureNginx: one worker, connections to the backends kept, bodies in memory.
func configureNginx(dir string, s setup) ([]string, error) {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	listen, secure := "", ""
	if e := s.edge; e != nil {
		listen = " ssl http2"
		secure = `
		ssl_certificate ` + e.certFile + `;
		ssl_certificate_key ` + e.keyFile + `;
		ssl_protocols TLSv1.3;
		ssl_conf_command Ciphersuites ` + cipherSuite + `;
		ssl_ecdh_curve ` + e.exchange.openSSL + `;
		ssl_session_tickets on;`
	}
	connection := `proxy_set_header Connection "";`
	if s.tunnels {
		connection = `proxy_set_header Connection upgrade;
			proxy_set_header Upgrade $http_upgrade;
			proxy_read_timeout 1h;`
	}
	global, server, local := s.stages.directives(dir)
	if s.large != "" {
		server += "\n\t\tlocation " + largePath + " { proxy_pass http://" + s.large + "; proxy_http_version 1.1; " + connection + " }"
	}
	access := "off"
	if s.logged {
		access = dir + "/access.log combined buffer=64k flush=100ms"
	}
	path, err := writeConfig(dir, "nginx.conf", `daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid `+dir+`/nginx.pid;
error_log `+dir+`/nginx.log error;
`+user+`
events { worker_connections 30000; }
http {`+global+`
	access_log `+access+`;
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
		listen `+s.listen+listen+` backlog=4096;`+secure+server+`
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			`+connection+`
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;`+local+`
		}
	}
}
`)
	return []string{"-e", filepath.Join(dir, "nginx.log"), "-p", dir, "-c", path}, err
}

// configureCaddy: connections to the backends kept; GOMAXPROCS follows the core
// it is pinned to.
func configureCaddy(dir string, s setup) ([]string, error) {
	secure := ""
	if e := s.edge; e != nil {
		secure = `
	tls ` + e.certFile + " " + e.keyFile + ` {
		protocols tls1.3
		curves ` + e.exchange.caddy + `
	}`
	}
	output, log := "discard", ""
	if s.logged {
		output, log = "stdout", "\n\tlog"
	}
	path, err := writeConfig(dir, "Caddyfile", `{
	admin off
	auto_https off
	log {
		output `+output+`
	}
	servers {
		protocols h1 h2
	}
}
`+s.url()+` {`+secure+log+`
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
