package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// logging is a configuration that answers, and logs as it is told.
func logging(access string) string {
	text := strings.Replace(responding(200), "log: {format: json}", "log: {format: json, access: {enabled: true, "+access+"}}", 1)
	return text
}

// fileHolds waits until a file holds what is wanted of its lines, in that order.
func fileHolds(t *testing.T, path string, want ...string) {
	t.Helper()
	eventually(t, path+" holds "+strings.Join(want, ", "), func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		if got := strings.Fields(string(text)); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("got %q", text)
		}
		return ""
	})
}

// TestAccessFile has the log in a file, which is renamed and opened again as logrotate does
// it, moved by a reload, refused where it cannot be, and complete when the process has ended.
func TestAccessFile(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.log"), filepath.Join(dir, "second.log")
	to := func(path string) string { return logging("format: logfmt, fields: [target], file: " + path) }
	p := start(t, to(first))
	ask := func(path string) {
		t.Helper()
		get(t, p.url(path)).wantStatus(t, 200)
	}
	ask("/1")
	fileHolds(t, first, "target=/1")
	if stat, err := os.Stat(first); err != nil || stat.Mode().Perm()&0o137 != 0 {
		t.Errorf("got the mode %v, %v; want nothing beyond 0640", stat.Mode(), err)
	}
	if err := os.Rename(first, first+".1"); err != nil {
		t.Fatal(err)
	}
	ask("/2")
	fileHolds(t, first+".1", "target=/1", "target=/2")
	p.signal(syscall.SIGUSR1)
	fileHolds(t, first)
	ask("/3")
	fileHolds(t, first, "target=/3")
	p.reload(to(second), "applied")
	ask("/4")
	fileHolds(t, second, "target=/4")
	replaceFile(t, p.file, to(dir+"/nowhere/access.log"))
	p.signal(syscall.SIGHUP)
	eventually(t, "the reload is refused", func() string {
		if !strings.Contains(p.log.String(), "log.access.file: cannot be made") {
			return "not in the log"
		}
		return ""
	})
	ask("/5")
	p.end()
	fileHolds(t, second, "target=/4", "target=/5")
	fileHolds(t, first, "target=/3")
	if text := p.log.String(); strings.Contains(text, "target=") {
		t.Error("there are lines on stderr, too")
	}
}

// TestAccessFileRotates begins new files by itself, and keeps so many old ones.
func TestAccessFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	p := start(t, logging("format: logfmt, fields: [target], file: "+path+", rotate: {size: 1B, keep: 2}"))
	for i := range 4 {
		get(t, p.url(fmt.Sprintf("/%d", i))).wantStatus(t, 200)
		fileHolds(t, path, fmt.Sprintf("target=/%d", i))
	}
	fileHolds(t, path+".1", "target=/2")
	fileHolds(t, path+".2", "target=/1")
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("three old files are kept; want two")
	}
}

// TestAccessFileOverAnUpgrade: the process before and the one that follows write to the same
// file, and both open it again.
func TestAccessFileOverAnUpgrade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	l := lineageOf(t, func(admin string) string {
		return administered(logging("format: logfmt, fields: [target], file: "+path), admin)
	})
	pid := l.serving(1)
	get(t, "http://"+l.address()+"/1").wantStatus(t, 200)
	if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	next := l.serving(2)
	l.gone(pid)
	get(t, "http://"+l.address()+"/2").wantStatus(t, 200)
	fileHolds(t, path, "target=/1", "target=/2")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(next, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	fileHolds(t, path)
	get(t, "http://"+l.address()+"/3").wantStatus(t, 200)
	fileHolds(t, path, "target=/3")
}

// TestFullDiskOfTheAccessLog: traffic goes on, and the loss is counted and said.
func TestFullDiskOfTheAccessLog(t *testing.T) {
	p := start(t, logging("file: /dev/full"))
	for range 3 {
		get(t, p.url("/")).wantStatus(t, 200)
	}
	eventually(t, "the loss is counted and said", func() string {
		line := p.log.find("lines of the access log were lost", "file", "/dev/full")
		if n := p.metric("isame_log_lines_dropped_total", "log", "access"); n != 3 || line == nil {
			return fmt.Sprintf("%v lines are counted, and said is %v", n, line)
		}
		return ""
	})
	if line := p.log.find("lines of the access log were lost"); !strings.Contains(fmt.Sprint(line["error"]), "no space left on device") {
		t.Errorf("got %v; want what the system says", line)
	}
}

// TestCombinedIsReadByGoAccess has another program read the combined format, whatever
// clients send.
func TestCombinedIsReadByGoAccess(t *testing.T) {
	goaccess := needProgram(t, "goaccess", "goaccess")
	path := filepath.Join(t.TempDir(), "access.log")
	p := start(t, logging("format: combined, file: "+path))
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", `"quoted" \ and \"more`, "tab\tand ünï", `" 200 5 "-" "forged`}
	for _, agent := range agents {
		q := request(t, http.MethodGet, p.url(`/path?a=%22b&token=secret`), "", "User-Agent", agent, "Referer", `http://a.example/"x" y`)
		exchange(t, q)
	}
	p.end()
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != len(agents) || strings.Contains(string(text), "secret") {
		t.Fatalf("got %q, %v; want %d lines, redacted", text, err, len(agents))
	}
	report := filepath.Join(t.TempDir(), "report.json")
	c := exec.Command(goaccess, path, "--log-format=COMBINED", "--no-global-config", "-o", report)
	c.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("goaccess: %v\n%s", err, out)
	}
	written, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		General struct {
			Total  int `json:"total_requests"`
			Valid  int `json:"valid_requests"`
			Failed int `json:"failed_requests"`
		} `json:"general"`
	}
	if err := json.Unmarshal(written, &got); err != nil {
		t.Fatal(err)
	}
	if got.General.Valid != len(agents) || got.General.Failed != 0 {
		t.Errorf("goaccess has read %+v; want %d valid requests of\n%s", got.General, len(agents), text)
	}
}
