package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

const goodConfig = `listeners: {web: {address: "127.0.0.1:8080"}}
routes: {all: {path_prefix: /, pool: api}}
pools: {api: {backends: [{address: "127.0.0.1:9000"}]}}
`

const badConfig = `listeners: {web: {address: "127.0.0.1:8080"}}
routes: {all: {path_prefix: /, pool: apx}}
pools: {api: {algo: random, backends: [{address: "127.0.0.1:9000"}]}}
`

// problemsOf is what config itself says about a file.
func problemsOf(t *testing.T, o config.Options) string {
	t.Helper()
	_, err := config.Load(o)
	if err == nil {
		t.Fatal("got no problem; want some")
	}
	return err.Error() + "\n"
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := write("good.yaml", goodConfig), write("bad.yaml", badConfig)
	missing := filepath.Join(dir, "missing.yaml")
	for _, c := range []struct {
		name, file string
		env        []string
		want       outcome
	}{
		{"good", good, nil, outcome{ExitDone, good + ": no problems\n", ""}},
		{"bad", bad, nil, outcome{ExitFailed, problemsOf(t, config.Options{File: bad}), ""}},
		{"missing", missing, nil, outcome{ExitFailed, problemsOf(t, config.Options{File: missing}), ""}},
		{"environment counts", good, []string{"ISAME_POOLS__API__ALGO=x"}, outcome{ExitFailed, problemsOf(t, config.Options{File: good, Environ: []string{"ISAME_POOLS__API__ALGO=x"}}), ""}},
		{"own variables do not", good, []string{"ISAME_ADMIN=http://h:1", "ISAME_TOKEN=t"}, outcome{ExitDone, good + ": no problems\n", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := run(nil, c.env, "config", "check", c.file); got != c.want {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
		})
	}
	t.Run("every problem at its place", func(t *testing.T) {
		got := run(nil, nil, "config", "check", bad).stdout
		for _, part := range []string{bad + ":2:", "apx", bad + ":3:", "algo", "algorithm"} {
			if !strings.Contains(got, part) {
				t.Errorf("got %q; want %q in it", got, part)
			}
		}
	})
	t.Run("JSON", func(t *testing.T) {
		got := run(nil, nil, "config", "check", "-o", "json", bad)
		var report checkReport
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
			t.Fatal(err)
		}
		if got.code != ExitFailed || report.Valid || len(report.Problems) < 2 || report.Problems[0].File != bad || report.Problems[0].Line == 0 {
			t.Errorf("got %+v", report)
		}
	})
	t.Run("wrong format", func(t *testing.T) {
		if got := run(nil, nil, "config", "check", "--format", "xml", good); got.code != ExitUsage {
			t.Errorf("got %+v; want exit 2", got)
		}
	})
}

func TestConfigCheckOfStdin(t *testing.T) {
	for _, c := range []struct {
		name, text string
		args       []string
		want       int
		wantOut    string
	}{
		{"good", goodConfig, nil, ExitDone, "stdin: no problems\n"},
		{"bad", badConfig, nil, ExitFailed, "stdin:3:"},
		{"JSON", "{", []string{"--format", "json"}, ExitFailed, "stdin:1:"},
		{"empty", "", nil, ExitFailed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), Env{Stdin: strings.NewReader(c.text), Stdout: &stdout, Stderr: &stderr}, append([]string{"config", "check", "-"}, c.args...))
			if code != c.want || !strings.Contains(stdout.String(), c.wantOut) {
				t.Errorf("got %d %q %q; want %d %q", code, stdout.String(), stderr.String(), c.want, c.wantOut)
			}
		})
	}
}
