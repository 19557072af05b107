package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listenAsSupervisor is what systemd gives a service with Type=notify-reload.
func listenAsSupervisor(t *testing.T) <-chan string {
	t.Helper()
	address := filepath.Join(t.TempDir(), "notify.sock")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", address)
	told := make(chan string, 100)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			told <- string(buffer[:n])
		}
	}()
	return told
}

// next is what the supervisor is told next that begins like this; beats of the watchdog are
// left out, unless it is one that is wanted.
func next(t *testing.T, told <-chan string, want string) string {
	t.Helper()
	for {
		select {
		case text := <-told:
			if strings.HasPrefix(text, "WATCHDOG=1") && want != "WATCHDOG=1" {
				continue
			}
			if !strings.HasPrefix(text, want) {
				t.Fatalf("the supervisor was told %q; want %q", text, want)
			}
			return text
		case <-time.After(patience):
			t.Fatalf("the supervisor was not told %q", want)
		}
	}
}

func TestSupervisorKnowsHowItGoes(t *testing.T) {
	told := listenAsSupervisor(t)
	t.Setenv("WATCHDOG_USEC", "100000")
	p := start(t, header+"routes: {all: {respond: {status: 200}}}\n")
	if text := next(t, told, "READY=1"); !strings.Contains(text, "STATUS=serving generation 1 on 1 listeners") {
		t.Errorf("got %q", text)
	}
	next(t, told, "WATCHDOG=1")

	p.reload(header+"routes: {all: {respond: {status: 201}}}\n", "applied")
	if text := next(t, told, "RELOADING=1"); !strings.Contains(text, "\nMONOTONIC_USEC=") {
		t.Errorf("got %q; systemd wants the time as well", text)
	}
	if text := next(t, told, "READY=1"); !strings.Contains(text, "generation 2") {
		t.Errorf("got %q", text)
	}
	p.reload(header+"routes: {all: {respond: {status: 1}}}\n", "rejected")
	if text := await(t, told, "READY=1", "refused: "); !strings.Contains(text, "generation 2") {
		t.Errorf("got %q; want that the reload was refused", text)
	}
	p.signal(syscall.SIGTERM)
	await(t, told, "STOPPING=1", "")
}

// await is next that passes over reloads: the file that has changed and the signal behind it
// may be two of them.
func await(t *testing.T, told <-chan string, want, part string) string {
	t.Helper()
	for {
		text := next(t, told, "")
		switch {
		case strings.HasPrefix(text, want) && strings.Contains(text, part):
			return text
		case !strings.HasPrefix(text, "RELOADING=1") && !strings.HasPrefix(text, "READY=1"):
			t.Fatalf("the supervisor was told %q; want %q with %q", text, want, part)
		}
	}
}

// TestInstalledFilesAreGood installs into a folder, and has systemd look at the unit.
func TestInstalledFilesAreGood(t *testing.T) {
	root, built := t.TempDir(), t.TempDir()
	for name, program := range map[string]string{"isame-lb": lbBinary, "isame-ctl": ctlBinary, "isame-bench": ctlBinary} {
		if err := os.Symlink(program, filepath.Join(built, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("BUILT", built)
	t.Setenv("PREFIX", "/usr")
	t.Setenv("DESTDIR", root)
	quiet(t, "bash", "../../../scripts/install.sh")
	for _, name := range []string{
		"usr/bin/isame-lb", "usr/bin/isame-ctl", "usr/lib/sysusers.d/isame.conf", "usr/lib/tmpfiles.d/isame.conf", "etc/isame/isame.yaml",
		"usr/share/bash-completion/completions/isame-ctl", "usr/share/zsh/site-functions/_isame-ctl",
	} {
		if s, err := os.Stat(filepath.Join(root, name)); err != nil || s.Size() == 0 {
			t.Errorf("%s: got %v, %v; want a file", name, s, err)
		}
	}
	unit := root + "/usr/lib/systemd/system/isame-lb.service"
	text, err := os.ReadFile(unit)
	if err != nil || !strings.Contains(string(text), "ExecStart=/usr/bin/isame-lb run") {
		t.Fatalf("got %s, %v; want the program where it was installed", text, err)
	}
	analyze := needProgram(t, "systemd-analyze", "systemd")
	// It is checked as it would be here: with the program that is there.
	here := strings.ReplaceAll(string(text), "/usr/bin/isame-lb", lbBinary)
	if systemdVersion(t, analyze) < 253 { // which does not know how it is reloaded
		here = strings.Replace(here, "Type=notify-reload", "Type=notify", 1)
	}
	if err := os.WriteFile(unit, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet(t, analyze, "verify", "--man=no", unit, strings.TrimSuffix(unit, "service")+"socket")
	// A second installation leaves the configuration alone.
	file := root + "/etc/isame/isame.yaml"
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet(t, "bash", "../../../scripts/install.sh")
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "mine" {
		t.Errorf("got %q, %v; want what was there", kept, err)
	}
}

func systemdVersion(t *testing.T, analyze string) (version int) {
	t.Helper()
	out, err := exec.Command(analyze, "--version").Output()
	if err == nil {
		_, err = fmt.Sscanf(string(out), "systemd %d", &version)
	}
	if err != nil {
		t.Fatalf("cannot read the version of systemd in %q: %v", out, err)
	}
	return version
}

// quiet runs a program that has nothing to say where all is well.
func quiet(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s %v: %v\n%s", program, args, err, out)
	}
}
