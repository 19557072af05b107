package algo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNginx runs the real nginx with one upstream and returns a client whose
// requests all go to it. Every backend answers 503, and nginx tries them all:
// the header X-Order lists them in the order of its choice. Without nginx the
// test is skipped, but in CI it fails.
func startNginx(t *testing.T, law string, members []Member) *http.Client {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("nginx is missing (Debian package nginx): %v", err)
		}
		t.Skipf("SKIPPED: nginx is missing (Debian package nginx), the order is not compared with the real one: %v", err)
	}
	dir, err := os.MkdirTemp("", "algo") //nolint:usetesting // t.TempDir is too long for a socket address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "front.sock")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(nginxConfig(dir, socket, law, members)), 0o600); err != nil {
		t.Fatal(err)
	}
	runNginx(t, binary, dir, file, socket)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// nginxConfig is a single process with everything below dir.
func nginxConfig(dir, socket, law string, members []Member) string {
	var servers, temp strings.Builder
	for _, m := range members {
		fmt.Fprintf(&servers, "server %s weight=%d max_fails=0;\n", m.Key, m.Weight)
	}
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", name, dir, name)
	}
	return fmt.Sprintf(`daemon off; master_process off; pid %s/pid; error_log stderr crit;
events { worker_connections 512; }
http {
access_log off;
%s
upstream backends { %s
%s }
server {
listen unix:%s;
location / {
proxy_pass http://backends;
proxy_next_upstream error timeout http_503;
add_header X-Order $upstream_addr always;
} } }
`, dir, temp.String(), law, servers.String(), socket)
}

// runNginx starts the process, waits until it listens, and ends it with the test.
func runNginx(t *testing.T, binary, dir, file, socket string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-p", dir, "-c", file, "-e", "stderr")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("cannot start nginx: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err == nil {
			t.Error("nginx ended by itself")
		}
	})
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx ended: %v: %s", err, stderr.String())
		case <-deadline:
			t.Fatalf("nginx does not listen: %v", err)
		case <-tick.C:
		}
	}
}

// nginxMembers are members with a real backend behind each, on ports that the
// kernel chose.
func nginxMembers(t *testing.T, weights []uint32) []Member {
	t.Helper()
	members := newTestMembers(weights...)
	for i := range members {
		backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(backend.Close)
		members[i].Key = backend.Listener.Addr().String()
	}
	return members
}

// nginxOrder asks nginx for the order in which it tries the backends for a key.
func nginxOrder(t *testing.T, client *http.Client, key string) []string {
	t.Helper()
	resp, err := client.Get("http://nginx/?k=" + url.QueryEscape(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Split(resp.Header.Get("X-Order"), ", ")
}

// TestConsistentHashIsNginx compares with the real `hash $arg_k consistent`: the
// first member of a key, and the next two when members fail. (Further on nginx
// gives up after 20 points and changes to round robin.)
func TestConsistentHashIsNginx(t *testing.T) {
	for _, c := range []struct {
		weights []uint32
		tries   int
	}{
		{[]uint32{1, 1, 1, 1, 1}, 3},
		{[]uint32{1, 2, 3}, 3},
		// nginx leaves its ring when it has met servers that it has tried at some 20 points
		// in a row, and goes on by turns: behind the two heaviest of these that happens.
		{[]uint32{10, 1, 4, 4, 2, 1, 1}, 2},
	} {
		t.Run(fmt.Sprintf("weights=%v", c.weights), func(t *testing.T) {
			members := nginxMembers(t, c.weights)
			client := startNginx(t, "hash $arg_k consistent;", members)
			b := mustNew(t, ConsistentHash, members, nil)
			for i := range 200 {
				key := fmt.Sprintf("user-%d", i)
				want := nginxOrder(t, client, url.QueryEscape(key))
				q := Query{Hash: Hash([]byte(key))}
				for try := range c.tries {
					got := b.Pick(q)
					if members[got].Key != want[try] {
						t.Fatalf("key %s, try %d: got %s; nginx takes %s", key, try, members[got].Key, want[try])
					}
					q.Tried.Add(got)
				}
			}
		})
	}
}

// TestWeightedRoundRobinIsNginx compares with the real default law. Every second
// backend in nginx's order would be a retry, so here the backends answer well.
func TestWeightedRoundRobinIsNginx(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	cases := make([][]uint32, 0, 6)
	cases = append(cases, []uint32{5, 1, 1}, []uint32{1, 1, 1, 1}, []uint32{3, 7, 2, 5})
	for range 3 {
		weights := make([]uint32, 2+rng.IntN(8))
		for i := range weights {
			weights[i] = 1 + rng.Uint32N(12)
		}
		cases = append(cases, weights)
	}
	for _, weights := range cases {
		t.Run(fmt.Sprintf("weights=%v", weights), func(t *testing.T) {
			members := newTestMembers(weights...)
			total := uint32(0)
			for i := range members {
				backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				t.Cleanup(backend.Close)
				members[i].Key = backend.Listener.Addr().String()
				total += weights[i]
			}
			client := startNginx(t, "", members)
			b := mustNew(t, WeightedRoundRobin, members, nil)
			for turn := range 2 * total {
				want := nginxOrder(t, client, "")[0]
				if got := members[b.Pick(Query{})].Key; got != want {
					t.Fatalf("turn %d: got %s; nginx takes %s", turn, got, want)
				}
			}
		})
	}
}
