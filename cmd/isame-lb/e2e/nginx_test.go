package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// needProgram skips the test when a program is missing, and fails it in CI,
// where scripts/install-tools.sh has had its chance.
func needProgram(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	text := fmt.Sprintf("%s is missing: make tools, or apt-get install %s", name, debianPackage)
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// nginx is a real nginx on a unix socket and a TCP port of its own.
type nginx struct {
	dir             string
	socket, address string
	// big is a file it serves at /big.
	big []byte
}

// nginxStarts bounds how often a start is tried: nginx cannot be told to take
// a free port, so another process may take the chosen one first.
const nginxStarts = 5

// startNginx starts one; servers are more of them, which may listen on sockets in
// {dir}.
func startNginx(t *testing.T, servers ...string) *nginx {
	t.Helper()
	binary := needProgram(t, "nginx", "nginx-light")
	for range nginxStarts {
		if n := tryNginx(t, binary, strings.Join(servers, "\n")); n != nil {
			return n
		}
	}
	t.Fatalf("cannot start nginx in %d tries", nginxStarts)
	return nil
}

func tryNginx(t *testing.T, binary, servers string) *nginx {
	t.Helper()
	dir, err := os.MkdirTemp("", "nginx") //nolint:usetesting // short, as a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &nginx{dir: dir, socket: filepath.Join(dir, "s"), address: freeAddress(t), big: []byte(strings.Repeat("0123456789abcdef", 1<<16))}
	n.write(t, dir, servers)
	up := runNginx(t, binary, dir, func() string {
		response, err := http.Get("http://" + n.address + "/")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		if response.Header.Get("X-Backend") != "nginx" {
			return "somebody else: " + response.Status
		}
		return ""
	})
	if !up {
		return nil
	}
	return n
}

// runNginx runs one with the nginx.conf of a folder until the test ends. It has answered
// when answers says nothing; false: it has ended before, as its address was taken.
func runNginx(t *testing.T, binary, dir string, answers func() string) (up bool) {
	t.Helper()
	log := &logBuffer{}
	command := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr", "-g", "daemon off;")
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		t.Fatalf("cannot start nginx: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		within(t, "nginx ends", exited)
	})
	eventually(t, "nginx answers", func() string {
		select {
		case <-exited:
			t.Logf("nginx ended: %s", log)
			return ""
		default:
		}
		why := answers()
		up = why == ""
		return why
	})
	return up
}

// write lays out the folder of an nginx.
func (n *nginx) write(t *testing.T, dir, servers string) {
	t.Helper()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	conf := strings.NewReplacer("{servers}", strings.ReplaceAll(servers, "{dir}", dir), "{user}", user, "{dir}", dir, "{socket}", n.socket, "{address}", n.address).Replace(`
{user}
worker_processes 1;
pid {dir}/pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  client_max_body_size 64m;
  server {
    listen {address};
    listen unix:{socket};
    root {dir}/www;
    location / { add_header X-Backend nginx always; return 200 "nginx $request_method $request_uri host=$http_host xff=$http_x_forwarded_for\n"; }
    location = /big { add_header X-Backend nginx; }
    location = /limited { limit_except GET { deny all; } }
  }
  {servers}
}
`)
	if err := os.Mkdir(filepath.Join(dir, "www"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"nginx.conf": []byte(conf), "www/big": n.big} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// freeAddress is a loopback address nobody listens on at the moment. It is below those that the kernel
// gives away, so that no test beside gets it.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.N(20_000)))
		if err == nil {
			_ = listener.Close()
			return listener.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
