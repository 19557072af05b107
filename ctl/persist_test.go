package ctl

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// lasting is a keeper with a state.dir, and what admin.persist is.
func lasting(t *testing.T, persist string) *keeper {
	t.Helper()
	k := keep(t, plainConfig)
	k.state = filepath.Join(t.TempDir(), "state")
	k.write(plainConfig + lastingKeys(k, persist))
	k.start()
	return k
}

// lastingKeys are the keys of lasting.
func lastingKeys(k *keeper, persist string) string {
	return "admin: {persist: " + persist + "}\nstate: {dir: \"" + k.state + "\"}\n"
}

func TestWhatARestartFinds(t *testing.T) {
	for _, c := range []struct {
		persist string
		touch   func(k *keeper) // before the restart
		want    int
		source  string
	}{
		{"memory", func(*keeper) {}, 1, api.SourceFile},
		{"state", func(*keeper) {}, 2, api.SourceState},
		{"state", func(k *keeper) { k.write("# a comment\n" + plainConfig + lastingKeys(k, "state")) }, 2, api.SourceState},
		{"state", func(k *keeper) { k.write(weight("7") + lastingKeys(k, "state")) }, 7, api.SourceFile},
		{"state", func(k *keeper) { k.write(plainConfig + lastingKeys(k, "memory")) }, 1, api.SourceFile},
		{"file", func(*keeper) {}, 2, api.SourceFile},
	} {
		t.Run(c.persist+" "+c.source, func(t *testing.T) {
			k := lasting(t, c.persist)
			k.put(weight("2") + lastingKeys(k, c.persist))
			boot := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)[0].Boot
			tag := k.etag("/api/v1/config")
			c.touch(k)
			k.start()
			k.runs(c.want)
			if s := k.configState(); s.Source != c.source || s.Drift != (c.source == api.SourceState) {
				t.Errorf("got %+v; want source %s", s, c.source)
			}
			if got := k.etag("/api/v1/config"); c.want == 2 && got != tag {
				t.Errorf("got ETag %s; want %s as before the restart", got, tag)
			}
			list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)
			if len(list) != 3 || list[0].Generation != 3 || list[0].Trigger != "start" || list[0].Boot == boot || list[1].Boot != boot {
				t.Errorf("got %+v; want numbers that go on, in a new boot", list)
			}
			a := decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", `{"generation":2}`), 200)
			if a.Unchanged != (c.want == 2) {
				t.Errorf("got %+v; want the content of before the restart", a)
			}
			k.runs(2)
		})
	}
}

// TestResumedConfigurationStaysUntilTheFileChanges goes on after a restart as before it.
func TestResumedConfigurationStaysUntilTheFileChanges(t *testing.T) {
	k := lasting(t, "state")
	k.put(weight("2") + lastingKeys(k, "state"))
	for range 2 {
		k.start()
		if out, err := k.signal(); err != nil || !out.Unchanged {
			t.Errorf("got %+v, %v; want nothing changed", out, err)
		}
		k.runs(2)
	}
	k.write(weight("3") + lastingKeys(k, "state"))
	if _, err := k.signal(); err != nil {
		t.Fatal(err)
	}
	k.start()
	k.runs(3)
}

func TestWhatIsNotConfirmedEndsWithTheProcess(t *testing.T) {
	for _, persist := range []string{"state", "file"} {
		t.Run(persist, func(t *testing.T) {
			k := lasting(t, persist)
			k.put(weight("2") + lastingKeys(k, persist))
			k.try(weight("3")+lastingKeys(k, persist), "")
			k.runs(3)
			k.start()
			k.runs(2)
			a := k.try(weight("4")+lastingKeys(k, persist), "")
			decoded[api.Applied](t, k.ask("POST", confirmPath, `{"generation":`+itoa(int(a.Generation))+`}`), 200)
			k.start()
			k.runs(4)
		})
	}
}

func TestSecretsInStateAreForTheirOwner(t *testing.T) {
	k := lasting(t, "state")
	k.put(weight("2") + strings.Replace(lastingKeys(k, "state"), "admin: {", "admin: {token: s3cret-t0ken, ", 1))
	entries, err := os.ReadDir(k.state)
	if err != nil || len(entries) < 3 {
		t.Fatalf("got %v, %v; want the history, documents and a key", entries, err)
	}
	for _, e := range entries {
		if s, err := e.Info(); err != nil || s.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v; want 0600", e.Name(), s.Mode(), err)
		}
		text, err := os.ReadFile(filepath.Join(k.state, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() == "history.json" && strings.Contains(string(text), "s3cret") {
			t.Error("the history shows a secret")
		}
	}
}

func TestFileIsWrittenBack(t *testing.T) {
	k := lasting(t, "file")
	if err := os.Chmod(k.file, 0o640); err != nil {
		t.Fatal(err)
	}
	k.put(weight("2") + lastingKeys(k, "file"))
	text, err := os.ReadFile(k.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# the only one", "weight: 2"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got %s; want %q in it", text, want)
		}
	}
	if s, err := os.Stat(k.file); err != nil || s.Mode().Perm() != 0o640 {
		t.Errorf("got %v, %v; want the mode as it was", s.Mode(), err)
	}
	if s := k.configState(); s.Drift || s.FileGeneration != 2 {
		t.Errorf("got %+v; want no drift", s)
	}
	if out, err := k.signal(); err != nil || !out.Unchanged {
		t.Errorf("got %+v, %v; want nothing changed", out, err)
	}
	k.try(weight("3")+lastingKeys(k, "file"), "")
	if text, err := os.ReadFile(k.file); err != nil || strings.Contains(string(text), "weight: 3") {
		t.Errorf("got %s, %v; want nothing written before the confirmation", text, err)
	}
	k.fire(time.Minute)
	k.runs(2)
	decoded[api.Applied](t, k.ask("POST", "/api/v1/config/rollback", `{"generation":1}`), 200)
	if text, err := os.ReadFile(k.file); err != nil || strings.Contains(string(text), "weight") {
		t.Errorf("got %s, %v; want the file rolled back as well", text, err)
	}
}

func TestFileThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(k *keeper)
	}{
		{"a link", func(k *keeper) {
			target := k.file + ".target"
			if err := os.Rename(k.file, target); err != nil {
				k.t.Fatal(err)
			}
			if err := os.Symlink(target, k.file); err != nil {
				k.t.Fatal(err)
			}
		}},
		{"an include", func(k *keeper) {
			text, err := os.ReadFile(k.file)
			if err != nil {
				k.t.Fatal(err)
			}
			k.write("include: [more/*.yaml]\n" + string(text))
		}},
		{"JSON", func(k *keeper) {
			next := strings.TrimSuffix(k.file, ".yaml") + ".json"
			text := `{"listeners":{"web":{"address":"127.0.0.1:8080"}},"routes":{"all":{"pool":"p"}},` +
				`"pools":{"p":{"backends":[{"address":"127.0.0.1:1"}]}},"admin":{"persist":"file"}}`
			if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
				k.t.Fatal(err)
			}
			k.file = next
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := keep(t, plainConfig+"admin: {persist: file}\n")
			c.make(k)
			k.start()
			before, err := os.ReadFile(k.file)
			if err != nil {
				t.Fatal(err)
			}
			a := k.ask("PATCH", "/api/v1/config", `{"pools":{"p":{"algorithm":"random"}}}`, "If-Match: *")
			refusedWith(t, a, 409, api.CodeNotWritable)
			k.runs(1)
			if after, err := os.ReadFile(k.file); err != nil || !bytes.Equal(after, before) {
				t.Errorf("got %s, %v; want the file as it was", after, err)
			}
			if list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200); len(list) != 1 {
				t.Errorf("got %v; want the start alone", outcomes(list))
			}
		})
	}
	t.Run("a file that changed meanwhile", func(t *testing.T) {
		k := started(t, plainConfig+"admin: {persist: file}\n")
		k.write(weight("9") + "admin: {persist: file}\n")
		refusedWith(t, k.ask("PUT", "/api/v1/config", weight("2")+"admin: {persist: file}\n", "If-Match: *"), 409, api.CodeNotWritable)
		if text, _ := os.ReadFile(k.file); !strings.Contains(string(text), "weight: 9") {
			t.Errorf("got %s; want what somebody wrote", text)
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	k := lasting(t, "memory")
	for n := range 60 {
		k.put(weight(itoa(n%7+2)) + lastingKeys(k, "memory"))
		if _, err := k.signal(); err != nil {
			t.Fatal(err)
		}
	}
	list := decoded[[]api.Generation](t, k.ask("GET", "/api/v1/config/history", ""), 200)
	numbered := slices.DeleteFunc(slices.Clone(list), func(g api.Generation) bool { return g.Outcome == api.OutcomeUnchanged })
	if len(numbered) != 50 || numbered[0].Generation != 61 || numbered[49].Generation != 12 {
		t.Errorf("got %d generations from %d to %d; want the last 50", len(numbered), numbered[len(numbered)-1].Generation, numbered[0].Generation)
	}
	var seen []api.Generation
	for next := "/api/v1/config/history?limit=7"; next != ""; {
		a := k.ask("GET", next, "")
		seen = append(seen, decoded[[]api.Generation](t, a, 200)...)
		next, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
	}
	if len(seen) != len(list) {
		t.Errorf("got %d lines by pages; want %d", len(seen), len(list))
	}
	entries, err := os.ReadDir(k.state)
	if err != nil || len(entries) > 7+1+2 {
		t.Errorf("got %d files, %v; want one for each content, the history and the key", len(entries), err)
	}
}
