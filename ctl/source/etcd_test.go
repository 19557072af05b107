package source

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 60 * time.Second

// quick is a pace for tests; etcd grants no lease shorter than 2 s.
var quick = pace{
	call: 2 * time.Second, start: time.Second, beat: 200 * time.Millisecond, lease: 2 * time.Second,
	least: 20 * time.Millisecond, most: 200 * time.Millisecond, silentTime: 10 * time.Second,
}

// key is where the tests have their document.
const key = "/isame/config"

// server is a real etcd of the test's own.
type server struct {
	t       *testing.T
	dir     string
	address string // of clients
	peer    string
	process *exec.Cmd
	ended   chan struct{}
	client  *clientv3.Client // of the test itself
}

// needEtcd is the program, or the end of the test.
func needEtcd(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("etcd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("etcd is not installed, and CI needs it: run scripts/install-tools.sh")
		}
		t.Skip("SKIPPED: etcd is not installed: run scripts/install-tools.sh")
	}
	return path
}

// startEtcd starts one on ports that were free.
func startEtcd(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	needEtcd(t)
	for range 5 { // somebody else may be faster at its ports
		s.address, s.peer = freeAddress(t), freeAddress(t)
		if s.start() {
			return s
		}
	}
	t.Fatal("etcd does not start")
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts it, with what it has on the disk, and reports that it answers.
func (s *server) start() bool {
	s.t.Helper()
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	process := exec.Command(needEtcd(s.t),
		"--data-dir", filepath.Join(s.dir, "data"), "--unsafe-no-fsync", "--logger", "zap", "--log-level", "error",
		"--listen-client-urls", "http://"+s.address, "--advertise-client-urls", "http://"+s.address,
		"--listen-peer-urls", "http://"+s.peer, "--initial-advertise-peer-urls", "http://"+s.peer,
		"--initial-cluster", "default=http://"+s.peer)
	process.Stdout, process.Stderr = out, out
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // of the test
		_ = process.Wait() // it is killed
		close(ended)
	}()
	s.process, s.ended = process, ended
	s.t.Cleanup(s.kill)
	if s.client != nil {
		s.client.Close()
	}
	if s.client, err = clientv3.New(clientv3.Config{Endpoints: []string{s.address}, Logger: zap.NewNop()}); err != nil {
		s.t.Fatal(err)
	}
	client := s.client
	s.t.Cleanup(func() { client.Close() })
	up := false
	eventually(s.t, "etcd answers or ends", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		_, err := client.Get(ctx, "any")
		up = err == nil
		return up
	})
	if !up {
		text, _ := os.ReadFile(out.Name())
		s.t.Logf("etcd: %s", text)
	}
	return up
}

func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// kill ends it at once; its ports and its disk stay. It may have ended.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// put writes a value by hand, as etcdctl does, and returns its revision.
func (s *server) put(name, value string) int64 {
	s.t.Helper()
	r, err := s.client.Put(s.t.Context(), name, value)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Header.Revision
}

// get is the value of a name; empty where there is none.
func (s *server) get(name string) string {
	s.t.Helper()
	r, err := s.client.Get(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(r.Kvs) == 0 {
		return ""
	}
	return string(r.Kvs[0].Value)
}

// member is a Source that takes everything but what begins with "bad", as the main loop does.
type member struct {
	*Source

	t    *testing.T
	log  *rig.Log
	took []string // texts, in their order
}

// newMember has not begun to follow.
func newMember(t *testing.T, s *server, change func(o *Options)) *member {
	t.Helper()
	m := &member{t: t, log: &rig.Log{}}
	o := Options{
		Etcd: &config.Etcd{Endpoints: []string{s.address}, Key: key}, Instance: "a", Version: "v1", CopyFile: filepath.Join(t.TempDir(), "copy.json"),
		Running: func() Running { return Running{Boot: "boot-of-a", Generation: 3, ETag: "tag"} }, pace: quick,
		Logger: zerolog.New(m.log),
	}
	if change != nil {
		change(&o)
	}
	m.Source = New(o)
	return m
}

// join reads the document and follows it.
func join(t *testing.T, s *server, change func(o *Options)) *member {
	t.Helper()
	m := newMember(t, s, change)
	d, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Taken(d)
	m.begin()
	return m
}

// begin follows until the end of the test.
func (m *member) begin() {
	m.Follow()
	m.t.Cleanup(m.end)
}

func (m *member) end() {
	m.Stop()
	<-m.Ended()
}

// take does what the main loop does with what is pending.
func (m *member) take() {
	d := m.Pending()
	if d == nil {
		return
	}
	if strings.HasPrefix(string(d.Text), "bad") {
		m.Refused(d, "it is bad")
		return
	}
	m.took = append(m.took, string(d.Text))
	m.Taken(d)
}

// runs waits until a text runs.
func (m *member) runs(text string) {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("%q runs; %+v", text, m.State()), func() bool {
		m.take()
		return string(m.Current().Text) == text
	})
}

// eventually waits for something that has to come.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
}
