package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// tool is a program of others, built by version, beside this module, so that it is no
// dependency of it.
type tool struct {
	name  string
	build func() (string, error)
}

// newTool is a package that pins what it needs itself.
func newTool(name, pkg, version string) tool {
	return tool{name, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp(filepath.Dir(lbBinary), "tool-") // several are called "client" or "server"
		if err != nil {
			return "", err
		}
		command := exec.Command("go", "install", pkg+"@"+version)
		command.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
		if out, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("cannot build %s@%s: %w\n%s", pkg, version, err, out)
		}
		return filepath.Join(dir, filepath.Base(pkg)), nil
	})}
}

// newOldTool is a package of a module without a go.mod: what it needs is pinned here.
func newOldTool(name, pkg, requirements string) tool {
	return tool{name, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp(filepath.Dir(lbBinary), "tool-")
		if err != nil {
			return "", err
		}
		text := "module tool\n\ngo 1.26.0\n\nrequire (\n" + requirements + ")\n"
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600); err != nil {
			return "", err
		}
		binary := filepath.Join(dir, name)
		command := exec.Command("go", "build", "-mod=mod", "-o", binary, pkg)
		command.Dir, command.Env = dir, append(os.Environ(), "GOFLAGS=")
		if out, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("cannot build %s: %w\n%s", pkg, err, out)
		}
		return binary, nil
	})}
}

// need is the program. Where it cannot be built the test fails in CI, and is skipped
// elsewhere.
func (o tool) need(t *testing.T) string {
	t.Helper()
	binary, err := o.build()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED without %s: %v", o.name, err)
	}
	return binary
}
