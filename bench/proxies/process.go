package proxies

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	stopWithin  = 3 * time.Second
	readyWithin = 15 * time.Second
	outputMax   = 64 << 10
)

// process is a program started by us, pinned to one core.
type process struct {
	cmd    *exec.Cmd
	output *tail
	dir    string
	done   chan struct{} // closed when it has ended
}

// place is where a process runs: on one core (negative: any), in one folder, which
// is also where it finds and leaves what belongs to its user.
type place struct {
	core   int
	dir    string
	output string // file for what it prints to standard output; empty: kept with its errors
}

// start runs a program. Ctx ends it hard.
func start(ctx context.Context, at place, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...), output: &tail{}, dir: at.dir, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if at.output != "" {
		f, err := os.OpenFile(at.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("cannot keep what %q prints: %w", program, err)
		}
		defer func() { _ = f.Close() }() // the child has its own
		p.cmd.Stdout, p.cmd.Stderr = f, f
	}
	p.cmd.Dir = at.dir
	p.cmd.Env = append(os.Environ(), "HOME="+at.dir, "XDG_CONFIG_HOME="+at.dir, "XDG_DATA_HOME="+at.dir)
	// Own group: workers end with it. Should we die, the kernel ends it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
	p.cmd.WaitDelay = stopWithin
	if err := onCore(at.core, p.cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start %q: %w", program, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// onCore calls f with the thread pinned to a core, which what f starts inherits.
func onCore(core int, f func() error) error {
	if core < 0 {
		return f()
	}
	// Pdeathsig is sent when the starting thread ends: it must be one that stays.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("cannot read the cores: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("cannot use core %d: %w", core, err)
	}
	err := f()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// cores are those this process may use.
func cores() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var out []int
	for i := range 1024 {
		if set.IsSet(i) {
			out = append(out, i)
		}
	}
	return out
}

// emptyLogs cuts the log files in the folder of the process, which appends to
// them, and fails when nothing was logged.
func (p *process) emptyLogs() error {
	names, err := filepath.Glob(filepath.Join(p.dir, "*.log"))
	if err != nil {
		return fmt.Errorf("cannot find the logs of a round: %w", err)
	}
	var logged int64
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			logged += info.Size()
		}
		if err := os.Truncate(name, 0); err != nil {
			return fmt.Errorf("cannot empty the log of a round: %w", err)
		}
	}
	if logged == 0 {
		return fmt.Errorf("cannot find a line in the logs %q", names)
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end and makes sure that it does, its group with it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(stopWithin)
	defer limit.Stop()
	select {
	case <-p.done:
	case <-limit.C:
	}
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.done
}

// ready waits until a GET of url is answered with 200; secure is for https, http2 speaks that without it.
func (p *process) ready(ctx context.Context, url string, secure *tls.Config, http2 bool) error {
	transport := &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}
	if http2 {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	client := &http.Client{Transport: transport}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		select {
		case <-p.done:
			return fmt.Errorf("cannot keep %q running, it said: %s", p.cmd.Path, p.output)
		case <-ctx.Done():
			return fmt.Errorf("cannot reach %q at %s in %s (%w), it said: %s", p.cmd.Path, url, readyWithin, last, p.output)
		case <-tick.C:
			if last = ask(ctx, client, url); last == nil {
				return nil
			}
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot build a request: %w", err)
	}
	a, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("cannot send a request: %w", err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", a.StatusCode)
	}
	return nil
}

// freeAddress is a loopback address that is free now.
func freeAddress(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("cannot find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// tail keeps the first bytes a process prints. Safe for concurrent use.
type tail struct {
	mu struct {
		sync.Mutex
		b bytes.Buffer
	}
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := outputMax - t.mu.b.Len(); room > 0 {
		t.mu.b.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}

// String is what was printed so far.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.b.String()
}

// raiseFiles lifts the limit of open files as far as it may and returns it.
func raiseFiles() int {
	const wanted = 65536
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 1024
	}
	if l.Max < wanted {
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: wanted, Max: wanted}) == nil {
			return wanted
		}
	}
	l.Cur = min(l.Max, wanted)
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 1024
	}
	return int(l.Cur)
}

var errNoCore = errors.New("one core only: proxy, load and origin share it, do not compare with other machines")

// ownTemp is a folder that is removed by the returned function.
func ownTemp() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "isame-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot create a folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
