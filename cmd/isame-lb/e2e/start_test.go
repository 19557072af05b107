package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program runs isame-lb to its end and returns exit code and output.
func program(t *testing.T, args ...string) (int, string) {
	t.Helper()
	command := exec.Command(lbBinary, args...)
	command.Dir, command.Env = t.TempDir(), cleanEnvironment()
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatalf("cannot run isame-lb: %v", err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

// faulty has four mistakes that have nothing to do with each other.
const faulty = `listeners:
  web: {address: "127.0.0.1:0", addresss: x}
routes:
  api: {path_prefix: /api, pool: nowhere}
pools:
  p: {algorithm: best, backends: [{address: "127.0.0.1:1"}]}
shutdown: {drain: soon}
`

// wantProblems are the places of its mistakes.
var wantProblems = []string{
	`:2:\d+: listeners\.web\.addresss: .*did you mean .*address`,
	`:4:\d+: routes\.api\.pool: .*nowhere`,
	`:6:\d+: pools\.p\.algorithm: `,
	`:7:\d+: shutdown\.drain: `,
}

func TestBadConfigurationIsRefusedWithEveryProblem(t *testing.T) {
	file := writeConfig(t, faulty)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"serve", []string{"--config", file}},
		{"run", []string{"run", "--config", file}},
		{"check", []string{"check", "--config", file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := program(t, c.args...)
			if code != 1 {
				t.Errorf("exit code: got %d; want 1", code)
			}
			for _, want := range wantProblems {
				if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(file) + want).MatchString(out) {
					t.Errorf("output lacks %s:\n%s", want, out)
				}
			}
		})
	}
}

func TestCheckAcceptsGoodConfiguration(t *testing.T) {
	file := writeConfig(t, header+"routes: {all: {respond: {status: 204}}}\n")
	if code, out := program(t, "check", "--config", file); code != 0 {
		t.Errorf("exit code: got %d; want 0\n%s", code, out)
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "none.yaml")
	code, out := program(t, "--config", file)
	if code != 1 || !strings.Contains(out, file) {
		t.Errorf("got code %d, output %q; want 1 and the name of the file", code, out)
	}
}

// TestPortInUse asks for the addresses of a proxy that runs.
func TestPortInUse(t *testing.T) {
	first := start(t, header+"routes: {all: {respond: {status: 204}}}\n")
	for _, c := range []struct{ name, address, config string }{
		{"listener", first.address(), `
listeners: {front: {address: "{{address}}"}}
admin: {address: "127.0.0.1:0"}
routes: {all: {respond: {status: 204}}}
`},
		{"admin", first.admin, `
listeners: {front: {address: "127.0.0.1:0"}}
admin: {address: "{{address}}"}
routes: {all: {respond: {status: 204}}}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			second := launch(t, writeConfig(t, strings.ReplaceAll(c.config, "{{address}}", c.address)))
			if code := second.exitCode(); code != 1 {
				t.Errorf("exit code: got %d; want 1", code)
			}
			for _, want := range []string{c.address, "in use"} {
				if !strings.Contains(second.log.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, second.log)
				}
			}
			if c.name == "listener" && !strings.Contains(second.log.String(), "front") {
				t.Errorf("output does not say who wants the address:\n%s", second.log)
			}
		})
	}
	get(t, first.url("/")).wantStatus(t, 204) // the first one was not disturbed
}

func TestConfigurationFromEverywhere(t *testing.T) {
	file := writeConfig(t, `
listeners: {web: {address: "127.0.0.1:1"}}
routes: {all: {respond: {status: 201}}}
log: {level: warn}
`)
	command := exec.Command(lbBinary, "config", "--config", file, "--format", "yaml", "--set", "routes.all.respond.status=203")
	command.Dir = t.TempDir()
	command.Env = append(cleanEnvironment(), "ISAME_LISTENERS__WEB__ADDRESS=127.0.0.1:2", "ISAME_ROUTES__ALL__RESPOND__STATUS=202")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("isame-lb config: %v\n%s", err, out)
	}
	for _, want := range []string{"127.0.0.1:2", "203", "warn", "30s"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("effective configuration lacks %q:\n%s", want, out)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("very-secret-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := writeConfig(t, `
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "127.0.0.1:0", token: "${FILE:`+secret+`}"}
routes: {all: {respond: {status: 204}}}
`)
	code, out := program(t, "config", "--config", file)
	if code != 0 || strings.Contains(out, "very-secret") {
		t.Errorf("got code %d; want 0 and no secret in:\n%s", code, out)
	}
	p := launch(t, file)
	p.waitReady()
	a := get(t, "http://"+p.admin+"/api/v1/config", "Authorization", "Bearer very-secret-token").wantStatus(t, 200)
	if strings.Contains(string(a.body), "very-secret") || strings.Contains(p.log.String(), "very-secret") {
		t.Error("the secret is shown by the API or in the log")
	}
}

func TestVersionNamesGo(t *testing.T) {
	if code, out := program(t, "version"); code != 0 || !strings.Contains(out, "go1.") {
		t.Errorf("got code %d, %q; want 0 and the Go version", code, out)
	}
}
