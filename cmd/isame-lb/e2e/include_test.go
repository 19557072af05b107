package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// startIncluding is a proxy whose main file includes others.
func startIncluding(t *testing.T, patterns string) (p *proxy, folder string) {
	t.Helper()
	p = start(t, "include: "+patterns+"\n"+header+"routes: {all: {respond: {status: 201}}}\n")
	return p, filepath.Dir(p.file)
}

// wantPath waits until a path is answered with a status.
func (p *proxy) wantPath(path string, status int) {
	p.t.Helper()
	eventually(p.t, path+" is "+strconv.Itoa(status), func() string {
		if got := get(p.t, p.url(path)).status; got != status {
			return strconv.Itoa(got)
		}
		return ""
	})
}

// atA is a file with a route for /a.
func atA(status int) string {
	return fmt.Sprintf("routes: {a: {path: /a, respond: {status: %d}}}\n", status)
}

// TestIncludedFilesAreWatched: files that come, change and go in folders that are not there
// at first.
func TestIncludedFilesAreWatched(t *testing.T) {
	t.Parallel()
	p, folder := startIncluding(t, "[conf.d/*.yaml, teams/*/routes.json]")
	if err := os.MkdirAll(filepath.Join(folder, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := filepath.Join(folder, "conf.d", "a.yaml")
	replaceFile(t, a, atA(202))
	p.wantPath("/a", 202)
	replaceFile(t, a, atA(203))
	p.wantPath("/a", 203)
	if err := os.MkdirAll(filepath.Join(folder, "teams", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, filepath.Join(folder, "teams", "b", "routes.json"), `{"routes": {"b": {"path": "/b", "respond": {"status": 202}}}}`)
	p.wantPath("/b", 202)
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	p.wantPath("/a", 201)
	p.wantPath("/b", 202)
}

// TestIncludedFileThatIsWrongIsMended: the running configuration stays, and the file that
// is mended is noticed although nothing that runs came from it.
func TestIncludedFileThatIsWrongIsMended(t *testing.T) {
	p, folder := startIncluding(t, "['*.inc.yaml']")
	file := filepath.Join(folder, "a.inc.yaml")
	replaceFile(t, file, "\nroutes: {all: {path: /a, respond: {}}}\n")
	eventually(t, "the name that is given twice is in the log", func() string {
		if !strings.Contains(p.log.String(), file+":2:10: routes.all: is given twice, first in "+p.file+":") {
			return "not there"
		}
		return ""
	})
	p.wantPath("/a", 201)
	replaceFile(t, file, atA(202))
	p.wantPath("/a", 202)
}

// TestIncludedVolumeIsWatched updates a folder that is included as Kubernetes does.
func TestIncludedVolumeIsWatched(t *testing.T) {
	p, folder := startIncluding(t, "['conf.d/*.yaml']")
	volume := filepath.Join(folder, "conf.d")
	for n, status := range []int{202, 203} {
		name := filepath.Join(volume, ".."+strconv.Itoa(n))
		if err := os.MkdirAll(name, 0o700); err != nil {
			t.Fatal(err)
		}
		replaceFile(t, filepath.Join(name, "a.yaml"), atA(status))
		link(t, ".."+strconv.Itoa(n), filepath.Join(volume, "..data"))
		if n == 0 {
			link(t, "..data/a.yaml", filepath.Join(volume, "a.yaml"))
		}
		p.wantPath("/a", status)
	}
}
