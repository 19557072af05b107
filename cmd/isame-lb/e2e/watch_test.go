package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// busyFolder writes other files of a folder, 50 a second, until the test ends.
func busyFolder(t *testing.T, folder string) {
	t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-ticks.C:
				_ = os.WriteFile(filepath.Join(folder, "noise"+strconv.Itoa(n%5)), []byte(strconv.Itoa(n)), 0o600)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		ticks.Stop()
	})
}

// wantApplied waits until the proxy answers with a status.
func (p *proxy) wantApplied(status int) {
	p.t.Helper()
	eventually(p.t, "the change is applied", func() string {
		if got := get(p.t, p.url("/")).status; got != status {
			return strconv.Itoa(got)
		}
		return ""
	})
}

func TestFileChangeIsNoticedInABusyFolder(t *testing.T) {
	p := start(t, responding(201))
	busyFolder(t, filepath.Dir(p.file))
	for _, status := range []int{202, 203} {
		replaceFile(t, p.file, responding(status))
		p.wantApplied(status)
	}
}

// TestFileThatIsWrittenAllTheTimeIsRead writes the file itself 50 times a second.
func TestFileThatIsWrittenAllTheTimeIsRead(t *testing.T) {
	t.Parallel()
	p := start(t, responding(201))
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for get(t, p.url("/")).status != 202 {
		select {
		case <-again.C:
			replaceFile(t, p.file, responding(202))
		case <-deadline:
			t.Fatal("the change is never applied")
		}
	}
}

// TestSwitchedLinkIsNoticed updates files as Kubernetes does in the volume of a
// ConfigMap: the file is a link through ..data, and only that is replaced.
func TestSwitchedLinkIsNoticed(t *testing.T) {
	volume := t.TempDir()
	put := func(name string, status int) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(volume, name), 0o700); err != nil {
			t.Fatal(err)
		}
		replaceFile(t, filepath.Join(volume, name, "isame.yaml"), responding(status))
		link(t, name, filepath.Join(volume, "..data"))
	}
	put("..1", 201)
	link(t, "..data/isame.yaml", filepath.Join(volume, "isame.yaml"))
	p := launch(t, filepath.Join(volume, "isame.yaml"))
	p.waitReady()
	busyFolder(t, volume)
	for n, status := range []int{202, 203} {
		put(".."+strconv.Itoa(n+2), status)
		if err := os.RemoveAll(filepath.Join(volume, ".."+strconv.Itoa(n+1))); err != nil {
			t.Fatal(err)
		}
		p.wantApplied(status)
	}
}

// link makes or switches a symbolic link at once, as ln -sfT does not.
func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// TestTargetOfALinkIsWatched changes the file behind a link into another folder.
func TestTargetOfALinkIsWatched(t *testing.T) {
	target := filepath.Join(t.TempDir(), "real.yaml")
	replaceFile(t, target, responding(201))
	name := filepath.Join(t.TempDir(), "isame.yaml")
	link(t, target, name)
	p := launch(t, name)
	p.waitReady()
	replaceFile(t, target, responding(202))
	p.wantApplied(202)
}

// TestReplacedFolderIsWatched moves the folder away and puts another in its place.
func TestReplacedFolderIsWatched(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "etc")
	fill := func(name string, status int) {
		t.Helper()
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		replaceFile(t, filepath.Join(name, "isame.yaml"), responding(status))
	}
	fill(folder, 201)
	p := launch(t, filepath.Join(folder, "isame.yaml"))
	p.waitReady()
	fill(folder+".new", 202)
	for _, move := range [][2]string{{folder, folder + ".old"}, {folder + ".new", folder}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	p.wantApplied(202)
	replaceFile(t, filepath.Join(folder, "isame.yaml"), responding(203))
	p.wantApplied(203)
}
