package e2e

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unread starts the binary with a pipe for its log, whose reader is the test's. The
// configuration answers /health by itself, with an access log.
func unread(t *testing.T) (p *proxy, log *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	file := writeConfig(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {respond: {status: 200, body: "here"}}}
admin: {address: ""}
log: {access: {enabled: true}}
shutdown: {drain: 2s}
`)
	p = &proxy{t: t, command: exec.Command(lbBinary, "--config", file), log: &logBuffer{}, file: file, exited: make(chan struct{})}
	p.command.Dir, p.command.Env = t.TempDir(), cleanEnvironment()
	p.command.Stdout, p.command.Stderr = w, w
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go func() {
		p.err = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.exited
	})
	return p, r
}

// addressIn reads the log until it says where the proxy listens, and serves.
func addressIn(t *testing.T, log io.Reader) (address string) {
	t.Helper()
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no address: %v", err)
		}
		if _, rest, found := strings.Cut(line, `"address":"`); found && address == "" {
			address, _, _ = strings.Cut(rest, `"`)
		}
		if strings.Contains(line, "isame-lb serves") {
			return address
		}
	}
}

// askOften makes many requests, each of which is a line of the access log.
func askOften(t *testing.T, address string, often int) {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	for range often {
		resp, err := c.Get("http://" + address + "/")
		if err != nil {
			t.Fatalf("the proxy does not serve any more: %v", err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

// ends waits for the end of the process after a signal.
func ends(t *testing.T, p *proxy) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(15 * time.Second):
		t.Fatal("the process does not end")
	}
	if p.err != nil {
		t.Errorf("it ended with %v; want status 0", p.err)
	}
}

func TestNobodyWaitsForALogThatIsNotRead(t *testing.T) {
	t.Parallel()
	p, log := unread(t)
	address := addressIn(t, log)
	askOften(t, address, 2000) // a pipe holds some 200 lines
	replaceFile(t, p.file, strings.Replace(readFile(t, p.file), `"here"`, `"there"`, 1))
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	eventually(t, "the reload has happened", func() string {
		resp, err := c.Get("http://" + address + "/")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return differs(string(body), "there")
	})
	ends(t, p)
}

func TestProcessSurvivesTheReaderOfItsLog(t *testing.T) {
	p, log := unread(t)
	address := addressIn(t, log)
	_ = log.Close()
	askOften(t, address, 300)
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	askOften(t, address, 300)
	ends(t, p)
}

func differs(got, want string) string {
	if got == want {
		return ""
	}
	return "got " + got + "; want " + want
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
