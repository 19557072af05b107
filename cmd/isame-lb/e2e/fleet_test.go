package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcdServer is a real etcd, which keeps its port and its disk when it is killed.
type etcdServer struct {
	t       *testing.T
	dir     string
	address string
	peer    string
	process *exec.Cmd
	ended   chan struct{} // closed when it has
	client  *clientv3.Client
}

const fleetKey = "/isame/config"

// needEtcd is the program, or the end of the test.
func needEtcd(t *testing.T) string {
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

func startEtcd(t *testing.T) *etcdServer {
	t.Helper()
	needEtcd(t)
	for range 5 { // somebody else may be faster to take a port
		s := &etcdServer{t: t, dir: t.TempDir(), address: freeAddress(t), peer: freeAddress(t)}
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.address}, Logger: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		s.client = client
		if s.starts() {
			t.Cleanup(s.kill)
			return s
		}
	}
	t.Fatal("etcd does not start")
	return nil
}

// start starts it again.
func (s *etcdServer) start() {
	s.t.Helper()
	if !s.starts() {
		s.t.Fatal("etcd does not start")
	}
}

// starts starts it, and reports that it answers.
func (s *etcdServer) starts() bool {
	s.t.Helper()
	s.process = exec.Command(needEtcd(s.t), "--data-dir", filepath.Join(s.dir, "data"), "--unsafe-no-fsync", "--logger", "zap",
		"--log-level", "error", "--listen-client-urls", "http://"+s.address, "--advertise-client-urls", "http://"+s.address,
		"--listen-peer-urls", "http://"+s.peer, "--initial-advertise-peer-urls", "http://"+s.peer, "--initial-cluster", "default=http://"+s.peer)
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() {
		_ = process.Wait() // it is killed
		close(ended)
	}()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		_, err := s.client.Get(ctx, "any")
		cancel()
		select {
		case <-ended:
			return false
		default:
		}
		if err == nil {
			return true
		}
	}
	s.kill()
	return false
}

// kill ends it at once.
func (s *etcdServer) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		<-s.ended
		s.process = nil
	}
}

func (s *etcdServer) put(text string) {
	s.t.Helper()
	if _, err := s.client.Put(s.t.Context(), fleetKey, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *etcdServer) get(key string) string {
	s.t.Helper()
	r, err := s.client.Get(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(r.Kvs) == 0 {
		return ""
	}
	return string(r.Kvs[0].Value)
}

// shared is a document that answers a status.
func shared(status int) string {
	return fmt.Sprintf("listeners: {web: {address: \"127.0.0.1:0\"}}\n# a comment that stays\nshutdown: {drain: 10s}\n"+
		"routes: {all: {respond: {status: %d}}}\n", status)
}

// memberFile is the file of one instance.
func (s *etcdServer) memberFile(name string) string {
	s.t.Helper()
	file := writeConfig(s.t, "")
	replaceFile(s.t, file, fmt.Sprintf("source: {etcd: {endpoints: [%q], cache_file: %q}}\ninstance: %s\nadmin: {address: \"127.0.0.1:0\"}\n"+
		"log: {format: json}\n", s.address, copyOf(file), name))
	return file
}

// copyOf is where a member keeps its copy of the document.
func copyOf(memberFile string) string {
	return filepath.Join(filepath.Dir(memberFile), "copy.json")
}

// answers waits until the proxy answers a status.
func (p *proxy) answers(status int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%d is answered", status), func() string {
		if got := get(p.t, p.url("/")).status; got != status {
			return strconv.Itoa(got)
		}
		return ""
	})
}

// fleetState is what a status says of the document.
type fleetState struct {
	Instance string `json:"instance"`
	Config   struct {
		Source string `json:"source"`
		Etcd   struct {
			Revision  int64 `json:"revision"`
			Connected bool  `json:"connected"`
			Cached    bool  `json:"cached"`
			Refused   *struct {
				Reason string `json:"reason"`
			} `json:"refused"`
		} `json:"etcd"`
	} `json:"config"`
}

func (p *proxy) fleetState() (s fleetState) {
	p.t.Helper()
	p.api("/api/v1/status", &s)
	return s
}

// sees is what an instance says of all otherwise than want; empty where it is that.
func (p *proxy) sees(want string) string {
	p.t.Helper()
	var list []struct {
		Name     string `json:"name"`
		Standing string `json:"standing"`
	}
	p.api("/api/v1/instances", &list)
	var words []string
	for _, i := range list {
		words = append(words, i.Name+" "+i.Standing)
	}
	if got := strings.Join(words, ", "); got != want {
		return got
	}
	return ""
}

// triggers are those of the history, newest first, with their authors.
func (p *proxy) triggers() string {
	p.t.Helper()
	var list []struct {
		Trigger string `json:"trigger"`
		Author  string `json:"author"`
	}
	p.api("/api/v1/config/history", &list)
	var words []string
	for _, g := range list {
		words = append(words, g.Trigger)
		if g.Trigger == "etcd" && strings.Contains(g.Author, " at ") {
			words[len(words)-1] += " by " + g.Author
		}
	}
	return strings.Join(words, ", ")
}

// TestFleet: three instances share one document, through everything that may happen to etcd.
func TestFleet(t *testing.T) {
	t.Parallel()
	s := startEtcd(t)
	s.put(shared(201))
	var all []*proxy
	for _, name := range []string{"a", "b", "c"} {
		p := launch(t, s.memberFile(name))
		p.waitReady()
		all = append(all, p)
	}
	everywhere := func(status int) {
		t.Helper()
		for _, p := range all {
			p.answers(status)
		}
	}
	everywhere(201)
	s.put(shared(202)) // by hand
	everywhere(202)

	// Over the API of one, which applies it once.
	if code, out := ctl(t, all[0].admin, "config", "apply", writeConfig(t, shared(203))); code != 0 {
		t.Fatalf("apply: exit %d\n%s", code, out)
	}
	get(t, all[0].url("/")).wantStatus(t, 203)
	everywhere(203)
	if text := s.get(fleetKey); !strings.Contains(text, "203") || !strings.Contains(text, "# a comment that stays") {
		t.Errorf("etcd holds %s; want the new status, and the comment", text)
	}
	if got := all[0].triggers(); got != "api, etcd, start" {
		t.Errorf("history of who was asked: got %s", got)
	}
	eventually(t, "the history of another one", func() string { // it serves before that is written
		if got := all[1].triggers(); got != "etcd by local at a, etcd, start" {
			return got
		}
		return ""
	})
	for _, p := range all {
		eventually(t, "the others are seen", func() string { return p.sees("a current, b current, c current") })
	}
	list := contextsOf(t, all)
	if code, out := ctlEverywhere(t, list, "status"); code != 0 {
		t.Errorf("status of all: exit %d\n%s", code, out)
	}

	// What is refused changes nothing, is said everywhere, and can be overwritten.
	s.put("routes: {all: {respond: {status: 204}}}\n")
	for _, p := range all {
		eventually(t, "it is refused", func() string {
			if r := p.fleetState().Config.Etcd.Refused; r == nil || !strings.Contains(r.Reason, "no listener") {
				return fmt.Sprintf("%+v", r)
			}
			return ""
		})
	}
	everywhere(203)
	for _, p := range all { // each knows it of the others
		eventually(t, "the others are seen to refuse it", func() string { return p.sees("a refuses, b refuses, c refuses") })
	}
	if code, out := ctlEverywhere(t, list, "status"); code != 1 || !strings.Contains(out, "lags behind") {
		t.Errorf("status of all: exit %d\n%s\nwant those that lag named", code, out)
	}
	all[0].put("", shared(205), "If-Match", all[0].configTag()).wantStatus(t, 412)
	all[0].put("", shared(205), "If-Match", "*").wantStatus(t, 200)
	everywhere(205)

	// Without etcd all go on, changes are refused, and a restart serves the copy.
	s.kill()
	for _, p := range all {
		eventually(t, "it is noticed", func() string {
			if p.fleetState().Config.Etcd.Connected {
				return "connected"
			}
			return ""
		})
	}
	all[1].put("", shared(206), "If-Match", "*").wantStatus(t, 409)
	if a := get(t, "http://"+all[1].admin+"/api/v1/instances"); a.status != 409 || !strings.Contains(string(a.body), "etcd cannot be reached") {
		t.Errorf("the others without etcd: got %d %s", a.status, a.body)
	}
	everywhere(205)
	before := all[2]
	before.end()
	all[2] = launch(t, before.file)
	all[2].waitReady()
	everywhere(205)
	if st := all[2].fleetState(); !strings.Contains(all[2].log.String(), "STARTING WITH THE COPY ON DISK") || !st.Config.Etcd.Cached {
		t.Errorf("got %+v; want it said that this is the copy, in the log as well", st)
	}
	lost := launch(t, s.memberFile("d"))
	if code := lost.exitCode(); code != 1 || !strings.Contains(lost.log.String(), s.address) || !strings.Contains(lost.log.String(), "no copy") {
		t.Errorf("got exit %d; want a start without etcd and copy refused, with the endpoints", code)
	}

	s.start()
	for _, p := range all {
		eventually(t, "it has caught up", func() string {
			if e := p.fleetState().Config.Etcd; !e.Connected || e.Cached {
				return fmt.Sprintf("%+v", e)
			}
			return ""
		})
	}
	if got := all[2].triggers(); got != "start" {
		t.Errorf("got %s; want nothing applied again", got)
	}
	s.put(shared(207))
	everywhere(207)
	eventually(t, "each reports itself", func() string {
		for _, name := range []string{"a", "b", "c"} {
			var r struct {
				Instance string `json:"instance"`
				Revision int64  `json:"revision"`
			}
			text := s.get(fleetKey + "/instances/" + name)
			if json.Unmarshal([]byte(text), &r) != nil || r.Instance != name || r.Revision != all[0].fleetState().Config.Etcd.Revision {
				return name + ": " + text
			}
		}
		return ""
	})
}

// contextsOf is a file of isame-ctl that knows all of them.
func contextsOf(t *testing.T, all []*proxy) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("contexts:\n")
	for i, p := range all {
		fmt.Fprintf(&b, "  c%d: {admin: \"http://%s\"}\n", i, p.admin)
	}
	file := filepath.Join(t.TempDir(), "ctl.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func ctlEverywhere(t *testing.T, contexts string, args ...string) (int, string) {
	t.Helper()
	command := exec.Command(ctlBinary, append([]string{"--all"}, args...)...)
	command.Env = append(cleanEnvironment(), "ISAME_CTL_CONFIG="+contexts)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

// TestFleetTrial: a change is tried on one instance, and reaches the others when it is confirmed.
// What is put meanwhile waits for its end, and a file of one instance is its own matter.
func TestFleetTrial(t *testing.T) {
	t.Parallel()
	s := startEtcd(t)
	s.put(shared(201))
	a, b := launch(t, s.memberFile("a")), launch(t, s.memberFile("b"))
	a.waitReady()
	b.waitReady()
	eventually(t, "it is connected", func() string {
		if !a.fleetState().Config.Etcd.Connected {
			return "not"
		}
		return ""
	})
	confirm := func(want int) {
		t.Helper()
		var st struct {
			Config struct {
				Pending struct {
					Generation uint64 `json:"generation"`
				} `json:"pending"`
			} `json:"config"`
		}
		a.api("/api/v1/status", &st)
		r := request(t, "POST", "http://"+a.admin+"/api/v1/config/confirm", fmt.Sprintf(`{"generation": %d}`, st.Config.Pending.Generation),
			"Content-Type", "application/json")
		got, err := tryExchange(freshClient(), r)
		if err != nil || got.status != want {
			t.Fatalf("confirm: got %d %s, %v; want %d", got.status, got.body, err, want)
		}
	}
	a.put("?confirm=5m", shared(202), "If-Match", a.configTag()).wantStatus(t, 200)
	get(t, a.url("/")).wantStatus(t, 202)
	if !strings.Contains(s.get(fleetKey), "201") {
		t.Error("what is on trial is in etcd")
	}
	get(t, b.url("/")).wantStatus(t, 201)
	confirm(200)
	b.answers(202)

	a.put("?confirm=5m", shared(203), "If-Match", a.configTag()).wantStatus(t, 200)
	s.put(shared(204))
	b.answers(204)
	get(t, a.url("/")).wantStatus(t, 203)
	confirm(412)
	exchange(t, request(t, "POST", "http://"+a.admin+"/api/v1/config/rollback", "")).wantStatus(t, 200)
	a.answers(204)

	exchange(t, request(t, "POST", "http://"+a.admin+"/api/v1/config/rollback", `{"generation": 1}`, "Content-Type", "application/json")).wantStatus(t, 200)
	b.answers(201)

	a.put("", shared(205)+"admin: {token: x}\n", "If-Match", "*").wantStatus(t, 422)
	text, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, a.file, strings.Replace(string(text), `{address: "127.0.0.1:0"}`, `{address: "127.0.0.1:0", token: secret}`, 1))
	eventually(t, "the token of this instance counts", func() string {
		if got := get(t, "http://"+a.admin+"/api/v1/status").status; got != 401 {
			return strconv.Itoa(got)
		}
		return ""
	})
	get(t, a.url("/")).wantStatus(t, 201)
}

// TestFleetMemberIsReplaced: an upgrade is no second instance, and the new process follows.
func TestFleetMemberIsReplaced(t *testing.T) {
	t.Parallel()
	s := startEtcd(t)
	s.put(shared(201))
	l := lineageOf(t, func(admin string) string {
		return fmt.Sprintf("source: {etcd: {endpoints: [%q]}}\ninstance: a\nadmin: {address: %q}\nlog: {format: json}\n", s.address, admin)
	})
	first := l.serving(1)
	if err := syscall.Kill(first, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	l.serving(2)
	l.gone(first)
	s.put(shared(202))
	eventually(t, "the new one follows", func() string {
		if got := get(t, "http://"+l.address()+"/").status; got != 202 {
			return strconv.Itoa(got)
		}
		return ""
	})
	if strings.Contains(l.log().String(), "another instance has the same name") {
		t.Error("an upgrade is taken for another instance")
	}
}
