package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/rs/zerolog"
)

// build compiles the program once for a test.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "isame-ctl")
	if out, err := exec.Command("go", "build", "-pgo=off", "-ldflags", "-X main.version=v9.8.7", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	return program
}

// startAdmin answers on a loopback port and returns its URL.
func startAdmin(t *testing.T) string {
	t.Helper()
	s := ctl.New(ctl.Options{Address: "127.0.0.1:0", Logger: zerolog.Nop(), Sources: ctl.Sources{
		Status: func() api.Status { return api.Status{Name: "isame-lb", Version: "v1.2.3"} },
		Pools: func() []pool.Status {
			return []pool.Status{{Name: "demo", Algorithm: "round_robin", Backends: []pool.BackendStatus{{Address: "127.0.0.1:1", State: "enabled"}}}}
		},
		Ready: func() (bool, string) { return false, "draining" },
	}})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String()
}

func TestProgram(t *testing.T) {
	program, admin := build(t), startAdmin(t)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("listenres: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           string
		want           int
		stdout, stderr string
	}{
		{"status", 0, "isame-lb v1.2.3", ""},
		{"version", 0, "isame-ctl v9.8.7 (", ""},
		{"--help", 0, "backends", ""},
		{"backends list", 0, "127.0.0.1:1", ""},
		{"health", 1, "not ready: draining", ""},
		{"routes", 1, "", "routes: not supported yet"},
		{"config check " + bad, 1, bad + ":1:1: listenres: ", ""},
		{"stauts", 2, "", "did you mean status?"},
		{"status --admin http://127.0.0.1:1", 3, "", "cannot reach the admin API at http://127.0.0.1:1"},
		{"__complete pools d", 0, "demo\tround_robin\n:4\n", ""},
		{"__complete backends enable ", 0, "127.0.0.1:1\tdemo\n:4\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			args := strings.Split(c.args, " ")
			command := exec.CommandContext(ctx, program, args...)
			command.Env = append(os.Environ(), "ISAME_ADMIN="+admin, "COLUMNS=100")
			var stdout, stderr strings.Builder
			command.Stdout, command.Stderr = &stdout, &stderr
			err := command.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := command.ProcessState.ExitCode(); got != c.want {
				t.Errorf("got exit %d; want %d\n%s%s", got, c.want, stdout.String(), stderr.String())
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("got stdout %q, stderr %q; want %q, %q", stdout.String(), stderr.String(), c.stdout, c.stderr)
			}
		})
	}
}

// TestBashCompletionNeedsNoPackage lets a bare bash complete lines, taken apart as
// bash does it.
func TestBashCompletionNeedsNoPackage(t *testing.T) {
	program, admin := build(t), startAdmin(t)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is needed")
	}
	for _, c := range []struct{ line, words, want string }{
		{"isame-ctl sta", "isame-ctl sta", "status"},
		{"isame-ctl pools ", "isame-ctl pools ''", "demo"},
		{"isame-ctl backends drain 127.0.0.1:", "isame-ctl backends drain 127.0.0.1 : ''", "1"},
		{"isame-ctl --output=js", "isame-ctl --output = js", "json"},
		{"isame-ctl --admin " + admin + " pools d", "isame-ctl --admin http : " + strings.TrimPrefix(admin, "http:") + " pools d", "demo"},
	} {
		t.Run(c.line, func(t *testing.T) {
			words := strings.ReplaceAll(c.words, "127.0.0.1:", "127.0.0.1 : ")
			script := `PATH=` + filepath.Dir(program) + `:$PATH
source <(isame-ctl completion bash) || exit 1
COMP_LINE='` + c.line + `' COMP_POINT=${#COMP_LINE} COMP_WORDS=(` + words + `) COMP_TYPE=9
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
__start_isame-ctl
printf '%s\n' "${COMPREPLY[@]}"`
			command := exec.CommandContext(t.Context(), bash, "--norc", "--noprofile", "-c", script)
			command.Env = append(os.Environ(), "ISAME_ADMIN="+admin)
			out, err := command.CombinedOutput()
			if first, _, _ := strings.Cut(strings.TrimSpace(string(out)), " "); err != nil || first != c.want {
				t.Errorf("got %q, %v; want %q", out, err, c.want)
			}
		})
	}
}

// TestCompletionScripts lets each shell that is installed read its script. Bash is
// everywhere; zsh and fish are not among what scripts/install-tools.sh brings.
func TestCompletionScripts(t *testing.T) {
	program := build(t)
	for shell, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}} {
		t.Run(shell, func(t *testing.T) {
			script, err := exec.Command(program, "completion", shell).Output()
			if err != nil {
				t.Fatal(err)
			}
			path, err := exec.LookPath(check[0])
			if err != nil {
				if shell == "bash" && os.Getenv("CI") == "true" {
					t.Fatal("bash is needed")
				}
				t.Skip("SKIPPED: " + shell + " is not installed")
			}
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, script, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(path, append(check[1:], file)...).CombinedOutput(); err != nil {
				t.Errorf("got %v: %s", err, out)
			}
		})
	}
}
