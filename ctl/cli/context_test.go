package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withContexts is an environment with two processes that answer, and one that does not.
func withContexts(t *testing.T) (env []string, one, two *proxy) {
	t.Helper()
	env = []string{"ISAME_CTL_CONFIG=" + filepath.Join(t.TempDir(), "a", "ctl.yaml"), "COLUMNS=80"}
	one, two = startProxy(t, ""), startProxy(t, "hush")
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"context set one --url " + one.url, "context set two --url " + two.url + " --secret-file " + secret,
	} {
		if o := run(nil, env, strings.Fields(args)...); o.code != 0 {
			t.Fatalf("%s: %+v", args, o)
		}
	}
	return env, one, two
}

func TestContextsSayWhomToAsk(t *testing.T) {
	env, one, two := withContexts(t)
	two.ready = "draining"
	for _, c := range []struct {
		args  string
		extra string
		code  int
		want  string
	}{
		{"health", "", 0, "ready"}, // the first one is the current one
		{"--context two health", "", 1, "draining"},
		{"health", "ISAME_CONTEXT=two", 1, "draining"},
		{"health", "ISAME_ADMIN=" + two.url, 1, "draining"},
		{"--context one health", "ISAME_ADMIN=" + two.url, 0, "ready"},
		{"--admin " + one.url + " health", "ISAME_CONTEXT=two", 0, "ready"},
		{"--context on health", "", 2, `there is no context "on": there are one, two (did you mean "one"?)`},
		{"--context one --all health", "", 2, "each of them says whom to ask"},
		{"--context one context list", "", 2, "asks no instance"},
		{"context use thre", "", 1, "there is no context"},
		{"context use two", "", 0, ""},
		{"health", "", 1, "draining"},
		{"--context two backends drain 10.0.0.1:8080", "", 0, "DRAIN"}, // with the token of the file
		{"context list", "", 0, "* "},
		{"context remove two", "", 0, ""},
		{"--context two health", "", 2, `there is no context "two"`},
		{"context set two", "", 2, "--url is needed"},
		{"context set two --url ftp://x", "", 2, "admin address"},
	} {
		o := run(nil, append(env, c.extra), strings.Fields(c.args)...)
		if o.code != c.code || !strings.Contains(o.stdout+o.stderr, c.want) {
			t.Errorf("%s %s: got exit %d, %s%s; want %d and %q", c.extra, c.args, o.code, o.stdout, o.stderr, c.code, c.want)
		}
	}
	if s, err := os.Stat(strings.TrimPrefix(env[0], "ISAME_CTL_CONFIG=")); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want a file that nobody else reads", s, err)
	}
}

func TestContextListShowsNoToken(t *testing.T) {
	env, _, _ := withContexts(t)
	run(nil, env, "context", "set", "three", "--url", "unix:/run/isame.sock", "--secret", "hush")
	for _, args := range [][]string{{"context", "list"}, {"context", "list", "-o", "json"}} {
		if o := run(nil, env, args...); strings.Contains(o.stdout, "hush") || !strings.Contains(o.stdout, "three") {
			t.Errorf("%v: got %s; want names without tokens", args, o.stdout)
		}
	}
}

func TestAllAsksEveryInstance(t *testing.T) {
	env, _, two := withContexts(t)
	two.ready = "draining"
	o := run(nil, env, "--all", "status")
	if o.code != 0 || strings.Count(o.stdout, "isame-lb v0.1.0") != 2 || strings.Index(o.stdout, "== one\n") > strings.Index(o.stdout, "== two\n") {
		t.Errorf("got exit %d, %s%s; want two answers in order", o.code, o.stdout, o.stderr)
	}
	if o := run(nil, env, "health", "--all"); o.code != ExitFailed || !strings.Contains(o.stdout, "draining") {
		t.Errorf("got exit %d, %s; want 1 as one of them drains", o.code, o.stdout)
	}
	run(nil, env, "context", "set", "gone", "--url", "unix:/nowhere.sock")
	o = run(nil, env, "--all", "-o", "json", "status")
	var list []struct {
		Context string `json:"context"`
		Exit    int    `json:"exit"`
		Answer  struct {
			Generation int `json:"generation"`
		} `json:"answer"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || len(list) != 3 || o.code != ExitUnreachable {
		t.Fatalf("got exit %d, %v, %s; want three answers", o.code, err, o.stdout)
	}
	if gone := list[0]; gone.Context != "gone" || gone.Exit != ExitUnreachable || !strings.Contains(gone.Error, "cannot reach") {
		t.Errorf("got %+v; want that it cannot be reached", gone)
	}
	if first := list[1]; first.Context != "one" || first.Exit != 0 || first.Answer.Generation != 7 {
		t.Errorf("got %+v; want its status", first)
	}
	if o := run(nil, []string{"ISAME_CTL_CONFIG=/nowhere/ctl.yaml"}, "--all", "status"); o.code != ExitUsage {
		t.Errorf("got exit %d; want 2 without contexts", o.code)
	}
}

func TestContextsFileIsReadStrictly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ctl.yaml")
	if err := os.WriteFile(file, []byte("contexts: {a: {admin: \"unix:/a\", tokn: x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := run(nil, []string{"ISAME_CTL_CONFIG=" + file}, "status"); o.code == 0 || !strings.Contains(o.stderr, "tokn") {
		t.Errorf("got exit %d, %s; want the key named", o.code, o.stderr)
	}
}

func TestArgumentsWithoutAll(t *testing.T) {
	got := withoutAll([]string{"--all", "-o", "json", "why", "--all=true", "--", "--all"})
	if text := strings.Join(got, " "); text != "-o json why -- --all" {
		t.Errorf("got %q", text)
	}
}
