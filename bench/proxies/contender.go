// Package proxies starts Isame, HAProxy and nginx with equal configurations and
// measures what a request costs each of them. The proxy runs alone on one core,
// load and origin share the other.
package proxies

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// contender is a proxy that takes part.
type contender struct {
	name    string
	program string // found in PATH, or a path
	// version are the arguments that make it print its version.
	version []string
	// configure writes what it needs into dir and returns its arguments.
	configure func(dir string, s setup) (args []string, err error)
}

// setup is what all of them are told: where to listen and where the backends are.
type setup struct {
	listen   string // host:port
	admin    string // host:port that is free, for a contender that needs one
	backends []string
}

// names are the contenders there are, in the order of the table's columns.
func names() []string { return []string{isame, haproxy, nginx} }

const (
	isame   = "isame"
	haproxy = "haproxy"
	nginx   = "nginx"
)

// find returns the contenders of the given names that are installed, and the
// names of those that are not.
func find(wanted []string, isameProgram string) (found []contender, missing []string, err error) {
	all := map[string]contender{
		isame:   {name: isame, program: isameProgram, version: []string{"version"}, configure: configureIsame},
		haproxy: {name: haproxy, program: haproxy, version: []string{"-v"}, configure: configureHAProxy},
		nginx:   {name: nginx, program: nginx, version: []string{"-v"}, configure: configureNginx},
	}
	for _, name := range wanted {
		c, known := all[name]
		if !known {
			return nil, nil, fmt.Errorf("cannot measure %q: the proxies are %s", name, strings.Join(names(), ", "))
		}
		if c.program, err = look(c.program); err != nil {
			missing = append(missing, name)
			continue
		}
		found = append(found, c)
	}
	return found, missing, nil
}

// look finds a program in PATH, or where Debian puts daemons.
func look(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return absolute(path)
	}
	path, err := exec.LookPath("/usr/sbin/" + program)
	if err != nil {
		return "", fmt.Errorf("cannot find the program %q: %w", program, err)
	}
	return path, nil
}

func absolute(path string) (string, error) {
	out, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the folder of %q: %w", path, err)
	}
	return out, nil
}

// describe is the first line the program prints about its version.
func (c contender) describe(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, c.program, c.version...).CombinedOutput()
	if err != nil {
		return c.name
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

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
