package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redisServer is a real redis-server.
type redisServer struct {
	address, tlsAddress string
	process             *exec.Cmd
}

// startRedis starts one, with TLS on a second port where there is a pair.
func startRedis(t *testing.T, args ...string) *redisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed, and CI needs it: run scripts/install-tools.sh")
		}
		t.Skip("SKIPPED: redis-server is not installed: run scripts/install-tools.sh")
	}
	s := &redisServer{}
	var ports [2]string
	for i, address := range []*string{&s.address, &s.tlsAddress} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*address = l.Addr().String()
		_, ports[i], _ = net.SplitHostPort(*address)
		_ = l.Close()
	}
	args = append([]string{"--port", ports[0], "--save", "", "--bind", "127.0.0.1", "--dir", t.TempDir()}, args...)
	for i, arg := range args {
		if arg == "TLS" {
			args[i] = ports[1]
		}
	}
	s.process = exec.Command(path, args...)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.process.Process.Signal(syscall.SIGCONT)
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
	})
	eventually(t, func() string { return "redis-server answers" }, func() bool {
		return strings.HasPrefix(s.say("PING"), "+PONG") || strings.HasPrefix(s.say("PING"), "-NOAUTH")
	})
	return s
}

// say sends a line, and returns the first one of the reply.
func (s *redisServer) say(lines ...string) (reply string) {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	renew(c)
	r := bufio.NewReader(c)
	for _, line := range lines {
		_, _ = io.WriteString(c, line+"\r\n")
		if reply, err = r.ReadString('\n'); err != nil {
			return err.Error()
		}
	}
	return reply
}

// sharing is a proxy that shares a limit of two an hour.
func sharing(t *testing.T, store string) *rig {
	t.Helper()
	return staged(t, "m: {type: rate_limit, rate: 1, per: 1h, burst: 2, key: \"header:X-Key\", store: {redis: {"+store+"}}}", "middleware: [m]")
}

// Two proxies count together, as each key of the section says.
func TestRateLimitStore(t *testing.T) {
	p := newPair(t, tomorrow(), "redis.test")
	s := startRedis(t, "--requirepass", "secret", "--user", "lb", "on", ">pass", "~mine:*", "+@all",
		"--tls-port", "TLS", "--tls-cert-file", p.certFile, "--tls-key-file", p.keyFile, "--tls-ca-cert-file", p.certFile, "--tls-auth-clients", "optional")
	pair := fmt.Sprintf("cert_file: %q, key_file: %q", p.certFile, p.keyFile)
	for _, c := range []struct{ name, store, want string }{
		{"password", `address: "` + s.address + `", password: secret, timeout: 5s`, "200 200 429"},
		{"username and prefix", `address: "` + s.address + `", username: lb, password: pass, prefix: mine, timeout: 5s`, "200 200 429"},
		{"db", `address: "` + s.address + `", password: secret, db: 5, timeout: 5s`, "200 200 429"},
		{"wrong password", `address: "` + s.address + `", password: wrong, timeout: 5s, on_failure: closed`, "429 429 429"},
		{"other prefix", `address: "` + s.address + `", username: lb, password: pass, prefix: other, timeout: 5s, on_failure: open`, "200 200 200"},
		{"tls", fmt.Sprintf(`address: %q, password: secret, db: 6, timeout: 5s, tls: {server_name: redis.test, ca_file: %q, %s}`, s.tlsAddress, p.certFile, pair), "200 200 429"},
		{"tls of another name", fmt.Sprintf(`address: %q, password: secret, db: 6, timeout: 5s, on_failure: open, tls: {ca_file: %q}`, s.tlsAddress, p.certFile), "200 200 200"},
		{"insecure_skip_verify", fmt.Sprintf(`address: %q, password: secret, db: 7, timeout: 5s, tls: {insecure_skip_verify: true}`, s.tlsAddress), "200 200 429"},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := sharing(t, c.store), sharing(t, c.store)
			got := one.statuses(1, "X-Key: a") + " " + two.statuses(1, "X-Key: a") + " " + one.statuses(1, "X-Key: a")
			if got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
	if !strings.HasPrefix(s.say("AUTH secret", "SELECT 5", "DBSIZE"), ":1") {
		t.Error("database 5 has no key")
	}
}

// While the server is frozen, or gone, on_failure decides, at once, and no request fails;
// when it is back it decides again.
func TestRateLimitStoreFails(t *testing.T) {
	for _, c := range []struct{ mode, want, cause string }{
		{"local", "200 200 429 429 429 429", "rate_limited"},
		{"open", "200 200 200 200 200 200", ""},
		{"closed", "429 429 429 429 429 429", "rate_store_failed"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			s := startRedis(t)
			const timeout = 30 * time.Millisecond
			r := sharing(t, fmt.Sprintf(`address: %q, timeout: %v, on_failure: %s`, s.address, timeout, c.mode))
			eventually(t, func() string { return "the server decides" }, func() bool {
				resp, _ := r.ask("GET", "/", "X-Key: warm")
				return resp.Header.Get("X-Isame-Error") == "rate_limited"
			})
			_ = s.process.Process.Signal(syscall.SIGSTOP)
			began := time.Now()
			got := r.statuses(6, "X-Key: a")
			if took := time.Since(began); got != c.want || took > 6*timeout+time.Second {
				t.Errorf("frozen: got %s in %v; want %s", got, took, c.want)
			}
			if resp, _ := r.ask("GET", "/", "X-Key: a"); resp.Header.Get("X-Isame-Error") != c.cause || c.cause != "" && resp.Header.Get("Retry-After") == "" {
				t.Errorf("frozen: got %v; want %s", resp.Header, c.cause)
			}
			if r.came("m", "failed") < 7 {
				t.Errorf("%d requests were decided elsewhere; want all", r.came("m", "failed"))
			}
			_ = s.process.Process.Signal(syscall.SIGCONT)
			eventually(t, func() string { return "the server decides again" }, func() bool {
				before := r.came("m", "failed")
				r.statuses(1, "X-Key: warm")
				return r.came("m", "failed") == before
			})
			if got := r.statuses(3, "X-Key: b"); got != "200 200 429" {
				t.Errorf("back: got %s; want 200 200 429", got)
			}
		})
	}
}
