package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inFolder runs isame-lb in a folder and returns exit code, stdout and stderr.
func inFolder(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems strings.Builder
	command := exec.Command(lbBinary, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = dir, cleanEnvironment(), &out, &problems
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatalf("cannot run isame-lb: %v", err)
	}
	return command.ProcessState.ExitCode(), out.String(), problems.String()
}

func TestInitWritesAFileThatServes(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := inFolder(t, dir, "init")
	if code != 0 || !strings.Contains(out, "wrote isame.yaml") {
		t.Fatalf("got exit %d, %q; want 0 and the name of the file", code, out)
	}
	if code, out, problems := inFolder(t, dir, "check"); code != 0 || out+problems != "" {
		t.Errorf("check: got exit %d, %q; want 0 and nothing to say", code, out+problems)
	}
	p := launch(t, filepath.Join(dir, "isame.yaml"), "--set", "listeners.web.address=127.0.0.1:0", "--set", "admin.address=127.0.0.1:0")
	p.waitReady()
	get(t, p.url("/health")).wantStatus(t, 200)
	if a := get(t, p.url("/")).wantStatus(t, 200); !strings.Contains(string(a.body), "Isame") {
		t.Errorf("got %q; want a text that says who answers", a.body)
	}
}

func TestInitNeverTouchesAFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"isame.yaml", "other.yml", "dangling.yaml"} {
		file := filepath.Join(dir, name)
		if name == "dangling.yaml" {
			if err := os.Symlink(filepath.Join(dir, "nowhere"), file); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, problems := inFolder(t, dir, "init", name)
		if code != 1 || !strings.Contains(problems, name) || !strings.Contains(problems, "already") {
			t.Errorf("%s: got exit %d, %q; want 1 and the name", name, code, problems)
		}
		if text, err := os.ReadFile(file); err == nil && string(text) != "mine" {
			t.Errorf("%s holds %q now", name, text)
		}
	}
}

func TestInitRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"another format", "isame.toml", ".yaml"},
		{"a folder that is not there", "none/isame.yaml", `there is no folder "none"`},
		{"no name", "", ".yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, _, problems := inFolder(t, t.TempDir(), "init", c.file); code != 1 || !strings.Contains(problems, c.want) {
				t.Errorf("got exit %d, %q; want 1 and %q", code, problems, c.want)
			}
		})
	}
}

// TestConfigKeepsProblemsOutOfStdout protects whoever sends it to a file.
func TestConfigKeepsProblemsOutOfStdout(t *testing.T) {
	file := writeConfig(t, faulty)
	code, out, problems := inFolder(t, t.TempDir(), "config", "--config", file)
	if code != 1 || out != "" || !strings.Contains(problems, "did you mean") {
		t.Errorf("got exit %d, stdout %q, stderr %q; want 1, nothing and the problems", code, out, problems)
	}
}

// TestDefaultLogNamesTheAddressesThatAreUsed reads the hints of a start on other ports.
func TestDefaultLogNamesTheAddressesThatAreUsed(t *testing.T) {
	p := startDefault(t)
	first := p.log.lines()[0]["message"]
	if text, _ := first.(string); !strings.Contains(text, "isame-lb init") {
		t.Errorf("the first line is %q; want isame-lb init in it", first)
	}
	for _, want := range []string{"curl -i " + p.address() + "/anything", "--admin http://" + p.admin + " backends list"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, p.log)
		}
	}
	for _, wrong := range []string{":8080", ":9901", "> isame.yaml"} {
		if strings.Contains(p.log.String(), wrong) {
			t.Errorf("the log speaks of %q:\n%s", wrong, p.log)
		}
	}
	page := string(get(t, p.url("/"), "Accept", "text/html").wantStatus(t, 200).body)
	if !strings.Contains(page, `href="http://`+p.admin+`/metrics"`) || strings.Contains(page, ":9901") {
		t.Errorf("the page does not link to the admin endpoint at %s:\n%s", p.admin, page)
	}
}

func TestWarningsDoNotRefuse(t *testing.T) {
	text := header + `
routes:
  all: {pool: p}
  first: {path: /told, priority: 1, respond: {status: 204}}
  hidden: {path: /told, methods: [GET], respond: {status: 204}}
  quiet: {path: /quiet, respond: {status: 204}, retry: {attempts: 3}}
pools: {p: {hash_on: path, backends: [{address: "127.0.0.1:1"}]}}
`
	file := writeConfig(t, text)
	code, out, _ := inFolder(t, t.TempDir(), "check", "--config", file)
	if code != 0 {
		t.Errorf("got exit %d; want 0", code)
	}
	for _, want := range []string{
		file + `:10:3: routes.hidden: warning: no request reaches it: route "first"`,
		file + `:11:49: routes.quiet.retry: warning: has no effect on a route without pool or split`,
		file + `:12:22: pools.p.hash_on: warning: has no effect with the algorithm round_robin`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got %q; want %q in it", out, want)
		}
	}
	p := launch(t, file)
	p.waitReady()
	eventually(t, "the start warns", func() string {
		if p.log.find("configuration warning") == nil {
			return "not in the log"
		}
		return ""
	})
}

func TestVersionOfEveryProgram(t *testing.T) {
	t.Parallel()
	bench := filepath.Join(t.TempDir(), "isame-bench")
	if out, err := exec.Command("go", "build", "-pgo=off", "-o", bench, "../../isame-bench").CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	for name, program := range map[string]string{"isame-lb": lbBinary, "isame-ctl": ctlBinary, "isame-bench": bench} {
		out, err := exec.Command(program, "--version").Output()
		if text := string(out); err != nil || !strings.HasPrefix(text, name+" ") || !strings.Contains(text, "(commit ") || !strings.Contains(text, "go1.") {
			t.Errorf("%s --version: got %q, %v; want version, commit and Go version", name, text, err)
		}
	}
}

// TestCommandLineSaysWhatWasMeant has what people write, and what they are told.
func TestCommandLineSaysWhatWasMeant(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"good.yaml": responding(201), "bad.yaml": responding(201) + "rotues: {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"check good.yaml":                 "",
		"check bad.yaml":                  `did you mean "routes"?`,
		"config bad.yaml":                 `did you mean "routes"?`,
		"run bad.yaml":                    `did you mean "routes"?`,
		"check good.yaml bad.yaml":        `"bad.yaml" is one argument too many`,
		"check good.yaml --config a.yaml": `one configuration is enough`,
		"version now":                     `"now" is one argument too many`,
		"init a.yaml b.yaml":              `"b.yaml" is one argument too many`,
		"good.yaml":                       "--config good.yaml",
		"chekc":                           `unknown command "chekc" (did you mean "check"?)`,
		"check --confg good.yaml":         `unknown flag: --confg (did you mean "--config"?)`,
		"--versin":                        `(did you mean "--version"?)`,
		"check --nothing-like-it":         "see isame-lb check --help",
	} {
		t.Run(args, func(t *testing.T) {
			code, out, problems := inFolder(t, dir, strings.Fields(args)...)
			if (code == 0) != (want == "") || !strings.Contains(out+problems, want) {
				t.Errorf("got exit %d, %q; want %q", code, out+problems, want)
			}
		})
	}
}
