package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong in the files that stages read is named with the stage and with the line
// of the file, all at once.
func TestCheckReadsTheFilesOfStages(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nets": "10.0.0.0/8\n# fine\n10.0.0.0/99\n", "users": "a:$apr1$x$yyyyyyyyyyyyyyyyyyyyyy\n", "page": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "isame.yaml")
	text := header + `
routes: {all: {middleware: [nets, users, page], respond: {}}}
middleware:
  nets: {type: ip_filter, files: [nets], allow: [10.0.0.1]}
  users: {type: basic_auth, users_file: users}
  page: {type: deny, file: page}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(lbBinary, "check", "--config", file).CombinedOutput()
	if err == nil {
		t.Errorf("exit 0; want 1")
	}
	for _, want := range []string{"middleware.nets: ", filepath.Join(dir, "nets") + ":3", "middleware.users: ", filepath.Join(dir, "users") + ":1"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("got\n%s\nwant %q", out, want)
		}
	}
	if !strings.HasPrefix(string(out), file+":") || strings.Contains(string(out), "middleware.page") {
		t.Errorf("got\n%s\nwant the place in the file, and nothing about page", out)
	}
}

// The same is said of a configuration that a process is to run: at its start, and in a
// reload, which leaves the running one alone.
func TestFilesOfStagesAreNamedWhereTheyAreUsed(t *testing.T) {
	nets := filepath.Join(t.TempDir(), "nets")
	text := header + `
routes: {all: {middleware: [nets], respond: {}}}
middleware: {nets: {type: ip_filter, files: ["` + nets + `"], allow: [127.0.0.0/8]}}
`
	write := func(lines string) {
		t.Helper()
		if err := os.WriteFile(nets, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("10.0.0.0/99\n")
	want := ": middleware.nets: " + nets + ":1"
	out, err := exec.Command(lbBinary, "--config", writeConfig(t, text)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), "isame.yaml:") {
		t.Errorf("start: got %v\n%s\nwant exit 1 and %q", err, out, want)
	}
	p := start(t, header+"routes: {all: {respond: {}}}\n")
	p.reload(text, "rejected")
	eventually(t, "the log names the line", func() string {
		if !strings.Contains(p.log.String(), want) {
			return p.log.String()
		}
		return ""
	})
	get(t, p.url("/")).wantStatus(t, 200)
}
