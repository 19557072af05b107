package shared

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

func TestMain(m *testing.M) {
	logging.Disable() // what the tests themselves cannot connect to yet
	leak.Main(m)
}

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// server is a real redis-server of the test's own.
type server struct {
	t       testing.TB
	args    []string
	address string
	process *exec.Cmd
	client  *redis.Client // of the test itself
}

// needRedis is the program, or the end of the test.
func needRedis(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed, and CI needs it: run scripts/install-tools.sh")
		}
		t.Skip("SKIPPED: redis-server is not installed: run scripts/install-tools.sh")
	}
	return path
}

// startRedis starts one on a port that was free, with further arguments.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, args: append([]string{"--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--bind", "127.0.0.1"}, args...)}
	needRedis(t)
	// It cannot be told to take a free port: somebody else may be faster.
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.address = l.Addr().String()
		l.Close()
		if s.start() {
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

// start starts it at its address, and reports that it answers there.
func (s *server) start() bool {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	process := exec.Command(needRedis(s.t), append([]string{"--port", port}, s.args...)...)
	process.Stdout = &out
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // of the test
		_ = process.Wait() // it is killed
		close(ended)
	}()
	s.process = process
	s.t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGCONT) // or it does not end
		_ = process.Process.Kill()
		<-ended
	})
	s.client = redis.NewClient(&redis.Options{Addr: s.address, Protocol: 2, DialTimeout: patience, ReadTimeout: patience, MaxRetries: -1, DialerRetries: 1})
	s.t.Cleanup(func() { s.client.Close() })
	up := false
	eventually(s.t, "redis-server answers or ends", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		err := s.client.Ping(s.t.Context()).Err()
		up = err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
		return up
	})
	if !up {
		s.t.Logf("redis-server: %s", out.String())
	}
	return up
}

// signal sends it a signal.
func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// do is a command of the test itself.
func (s *server) do(args ...any) any {
	s.t.Helper()
	value, err := s.client.Do(s.t.Context(), args...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return value
}

// store is a store at a server, for limits.
func (s *server) store(change func(o *Options), limits ...rate.Limit) *Store {
	s.t.Helper()
	o := Options{
		Address: s.address, Timeout: patience, Prefix: "test", OnFailure: Closed, Lanes: 2,
		Table: rate.NewTable(rate.Definition{MaxKeys: 100, Limits: limits}),
	}
	if change != nil {
		change(&o)
	}
	st, err := New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := st.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return st
}

// keys are all there are.
func (s *server) keys() []string {
	s.t.Helper()
	keys, err := s.client.Keys(s.t.Context(), "*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}

// take asks all limits of a store for a key.
func take(st *Store, key string) (rate.Result, Verdict, error) {
	asks, keys := asksOf(st, key)
	return st.Take(Wait{NowNanos: 1}, keys, asks)
}

func asksOf(st *Store, key string) ([]rate.Ask, []Key) {
	asks, keys := make([]rate.Ask, len(st.laws)), make([]Key, len(st.laws))
	for i := range asks {
		asks[i] = rate.Ask{Key: rate.KeyString(key), Limit: i}
		keys[i] = KeyBytes([]byte(key))
	}
	return asks, keys
}

// eventually waits for something that has to come.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
}
