package dns01

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// program is a program of the operator's that adds and removes records.
type program struct {
	command []string // its path and its first arguments
	timeout time.Duration
}

// outputMax bounds what is kept of a program's output, of its end; outputWait is how long a
// killed program's output is waited for.
const (
	outputMax  = 4 << 10
	outputWait = 2 * time.Second
)

var errProgram = errors.New("the program failed")

func (p *program) add(ctx context.Context, r record) error    { return p.run(ctx, "present", r) }
func (p *program) remove(ctx context.Context, r record) error { return p.run(ctx, "cleanup", r) }
func (p *program) close()                                     {}

// run runs the program once, in a process group of its own, which is killed as a whole.
func (p *program) run(ctx context.Context, what string, r record) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	arguments := slices.Concat(p.command[1:], []string{what, r.name, r.value})
	var output tail
	c := exec.CommandContext(ctx, p.command[0], arguments...)
	c.Env, c.Dir, c.Stdout, c.Stderr = []string{"PATH=/usr/bin:/bin"}, "/", &output, &output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = outputWait
	err := c.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %q %s: %w: it wrote %q", errProgram, p.command[0], what, err, output.text)
	}
	return nil
}

// tail keeps the end of what is written. os/exec writes from one goroutine where both
// outputs are the same.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if over := len(t.text) - outputMax; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}
