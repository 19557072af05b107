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
