package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxy is one running isame-lb.
type proxy struct {
	t       *testing.T
	command *exec.Cmd
	log     *logBuffer
	// file is the configuration; reload writes it anew.
	file string
	// admin is the address of the admin endpoint.
	admin string
	// meetsBugs says that it is meant to report bugs that it survives.
	meetsBugs bool
	// exited is closed when the process has ended; err is valid from then on.
	exited chan struct{}
	err    error
}

// header is put in front of a configuration: a listener "web" and an admin
// endpoint on ports the kernel chooses.
const header = `
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "127.0.0.1:0"}
shutdown: {drain: 10s}
log: {format: json}
`

// start runs the binary with a configuration and waits until it is ready. The
// process ends with the test, which fails when it does not end well.
func start(t *testing.T, configuration string) *proxy {
	t.Helper()
	p := launch(t, writeConfig(t, configuration))
	p.waitReady()
	return p
}

// writeConfig writes a configuration file into a folder of its own.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "isame.yaml")
	replaceFile(t, file, text)
	return file
}

// replaceFile writes a file as careful tools do: nobody sees half of it.
func replaceFile(t *testing.T, file, text string) {
	t.Helper()
	fresh := file + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		t.Fatalf("cannot write %s: %v", fresh, err)
	}
	if err := os.Rename(fresh, file); err != nil {
		t.Fatalf("cannot replace %s: %v", file, err)
	}
}

// launch starts the binary with a file, or with its embedded default when file
// is empty, and does not wait.
func launch(t *testing.T, file string, args ...string) *proxy {
	t.Helper()
	return launchProgram(t, lbBinary, file, args...)
}

// launchProgram is launch for another program that runs isame-lb.
func launchProgram(t *testing.T, binary, file string, args ...string) *proxy {
	t.Helper()
	if file != "" {
		args = append([]string{"--config", file}, args...)
	}
	p := &proxy{t: t, command: exec.Command(binary, args...), log: &logBuffer{}, file: file, exited: make(chan struct{})}
	p.command.Dir = t.TempDir() // no isame.yaml here
	p.command.Env = cleanEnvironment()
	p.command.Stdout, p.command.Stderr = p.log, p.log
	// The process must not outlive a test binary that is killed.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		t.Fatalf("cannot start %s: %v", binary, err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.finish)
	return p
}

// cleanEnvironment is ours without what would configure the proxy.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ISAME_") })
}

// signsOfFault are never in a log, whatever a client or a backend sends.
var signsOfFault = []string{"WARNING: DATA RACE", "panic:", "fatal error:", "BUG:"}

// wroteNo fails where a log holds a sign of a fault, and shows what stands there: the whole
// log may be longer than what is kept of a test's output.
func wroteNo(t *testing.T, text, bad string) {
	t.Helper()
	if _, after, found := strings.Cut(text, bad); found {
		t.Errorf("isame-lb wrote %s%s", bad, after[:min(len(after), 6000)])
	}
}

// finish ends the process by its id and looks at what it left in the log.
func (p *proxy) finish() {
	p.end()
	text := p.log.String()
	for _, bad := range signsOfFault {
		if bad != "BUG:" || !p.meetsBugs {
			wroteNo(p.t, text, bad)
		}
	}
	if p.t.Failed() {
		p.t.Logf("log of isame-lb:\n%s", text)
	}
}

// end sends SIGTERM until the process has ended: the second one cuts what still
// runs, but two that are sent at once may be delivered as one.
func (p *proxy) end() {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for !p.hasExited() {
		p.signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-again.C:
		case <-deadline:
			p.signal(syscall.SIGQUIT)
			select {
			case <-p.exited:
			case <-time.After(patience / 4):
			}
			p.signal(syscall.SIGKILL)
			<-p.exited
			_, dump, _ := strings.Cut(p.log.String(), "SIGQUIT: quit")
			p.t.Errorf("isame-lb runs %v after SIGTERM: %s", patience, ours(dump))
		}
	}
}

// ours are the goroutines of a dump that run code of this project, without those of its event loops.
func ours(dump string) string {
	all := strings.Split(dump, "\n\n")
	return strings.Join(slices.DeleteFunc(all, func(g string) bool {
		return !strings.Contains(g, "isame-lb/") || strings.Contains(g, "socket.(*Loop).run(")
	}), "\n\n")
}

func (p *proxy) signal(s syscall.Signal) {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("cannot send %v: %v", s, err)
	}
}

func (p *proxy) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// exitCode waits for the end of the process.
func (p *proxy) exitCode() int {
	p.t.Helper()
	within(p.t, "isame-lb ends", p.exited)
	return p.command.ProcessState.ExitCode()
}

// waitReady waits until /ready answers 200.
func (p *proxy) waitReady() {
	p.t.Helper()
	eventually(p.t, "isame-lb becomes ready", func() string {
		if p.hasExited() {
			p.t.Fatalf("isame-lb ended: %v", p.err)
		}
		line := p.log.find("admin endpoint")
		if line == nil {
			return "without an admin endpoint"
		}
		p.admin, _ = line["address"].(string)
		response, err := http.Get("http://" + p.admin + "/ready")
		if err != nil {
			return err.Error()
		}
		_ = response.Body.Close()
		if response.StatusCode != 200 {
			return response.Status
		}
		return ""
	})
}

// address returns where listener web really listens.
func (p *proxy) address() string {
	p.t.Helper()
	var address string
	eventually(p.t, "the listener listens", func() string {
		line := p.log.find("listening", "listener", "web")
		if line == nil {
			return "not in the log"
		}
		address, _ = line["address"].(string)
		return ""
	})
	return address
}

// url returns the URL of a path on listener web.
func (p *proxy) url(path string) string {
	p.t.Helper()
	return "http://" + p.address() + path
}

// reload writes the configuration anew, sends SIGHUP and waits until a reload
// with the given result has been counted.
func (p *proxy) reload(configuration, result string) {
	p.t.Helper()
	before := p.reloads(result)
	replaceFile(p.t, p.file, configuration)
	p.signal(syscall.SIGHUP)
	eventually(p.t, "reload "+result, func() string {
		if p.reloads(result) > before {
			return ""
		}
		return "not counted"
	})
}

func (p *proxy) reloads(result string) float64 {
	p.t.Helper()
	return p.metric("isame_config_reloads_total", "result", result)
}
