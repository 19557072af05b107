package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// modules are the builds of programs of other modules, by path and version.
var modules sync.Map

// needModule builds a program of another module by version, beside this module, so that
// it is no dependency of it, and returns its file. subject is what goes untested
// without it.
func needModule(t *testing.T, module, subject string) string {
	t.Helper()
	build, _ := modules.LoadOrStore(module, sync.OnceValues(func() (string, error) { return buildModule(module) }))
	file, err := build.(func() (string, error))() //nolint:errcheck,forcetypeassert // nothing else is in it
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, %s: %v", subject, err)
	}
	return file
}

func buildModule(module string) (string, error) {
	program, _, _ := strings.Cut(module, "@")
	dir := filepath.Join(filepath.Dir(lbBinary), strings.ReplaceAll(program, "/", "_")) // two may have the same name
	command := exec.Command("go", "install", module)
	command.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %s: %w\n%s", module, err, out)
	}
	return filepath.Join(dir, path.Base(program)), nil
}
