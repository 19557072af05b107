// Package proxies starts Isame, HAProxy, nginx and Caddy with equal configurations and
// measures what a request costs each of them. The proxy runs alone on one core,
// load and origin share the other.
package proxies

import (
	"context"
	"fmt"
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
	edge     *edge  // how to speak TLS; nil: clear text
	tunnels  bool   // clients may change the protocol
	clients2 bool   // clients speak HTTP/2 in clear text
	servers2 bool   // backends do
	large    string // the backend of what is asked for below largePath; empty: there is none
	logged   bool   // each request is logged, to standard output or a file in dir
	stages   *stages
}

func (s setup) scheme() string {
	if s.edge != nil {
		return "https"
	}
	return "http"
}

func (s setup) url() string { return s.scheme() + "://" + s.listen }

// names are the contenders that take part unasked, in the order of the table's columns.
func names() []string { return []string{isame, haproxy, nginx, caddy} }

const (
	isame   = "isame"
	before  = "before" // an older isame-lb
	haproxy = "haproxy"
	nginx   = "nginx"
	caddy   = "caddy"
)

// find returns the contenders of the given names that are installed, and the
// names of those that are not.
func find(wanted []string, isameProgram, beforeProgram string) (found []contender, missing []string, err error) {
	all := map[string]contender{
		isame:   {name: isame, program: isameProgram, version: []string{"version"}, configure: configureIsame},
		before:  {name: before, program: beforeProgram, version: []string{"version"}, configure: configureIsame},
		haproxy: {name: haproxy, program: haproxy, version: []string{"-v"}, configure: configureHAProxy},
		nginx:   {name: nginx, program: nginx, version: []string{"-v"}, configure: configureNginx},
		caddy:   {name: caddy, program: caddy, version: []string{"version"}, configure: configureCaddy},
	}
	for _, name := range wanted {
		c, known := all[name]
		if !known {
			return nil, nil, fmt.Errorf("cannot measure %q: the proxies are %s, %s", name, strings.Join(names(), ", "), before)
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
	if !strings.Contains(strings.ToLower(line), c.name) {
		line = c.name + " " + line
	}
	return line
}
