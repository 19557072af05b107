package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// formats are what a fuzzed byte chooses from.
func formats() []string { return []string{"yaml", "json", "toml"} }

// FuzzLoad reads arbitrary texts: Load never panics and returns either problems
// or a configuration, and a configuration that is printed loads to the same one.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".want") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i, format := range formats() {
			if filepath.Ext(file) == "."+format {
				f.Add(text, uint8(i))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, format uint8) {
		if strings.Contains(string(text), "FILE:") {
			t.Skip("reads files of this machine")
		}
		opts := Options{File: "fuzz", Data: text, Format: formats()[int(format)%len(formats())], Environ: fixtureEnviron(), BaseDir: "/nonexistent"}
		loaded, err := Load(opts)
		if err != nil {
			if problems, ok := err.(Problems); !ok || len(problems) == 0 { //nolint:errorlint // the promise is the type itself
				t.Fatalf("got error %T %v; want Problems", err, err)
			}
			return
		}
		if hasSecret(t, loaded) {
			return // printed as a mask, which is refused
		}
		for _, format := range []string{"yaml", "json"} {
			roundTrip(t, loaded, format, fixtureEnviron())
		}
	})
}

// hasSecret reports whether something is printed as a mask.
func hasSecret(t *testing.T, loaded *Loaded) bool {
	t.Helper()
	var text bytes.Buffer
	if err := Write(&text, loaded, "json"); err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text.Bytes(), []byte(mask+`"`)) // also of a user, NAME:***
}

// FuzzOverlay puts arbitrary assignments over a file: nothing panics, and what
// is accepted survives printing.
func FuzzOverlay(f *testing.F) {
	f.Add("ISAME_POOLS__API__BACKENDS__1__WEIGHT", "5", "pools.api.algorithm=p2c")
	f.Add("ISAME_POOLS__API", "{backends: [], algorithm: maglev}", `pools."x.example".connections.max=3`)
	f.Add("ISAME_ROUTES__API__HOSTS__0", "a.example", "routes.api={pool: api, retry: {on: [502]}}")
	f.Add("ISAME_POOLS__API__BACKENDS", "[{address: 'h:1'}]", "pools.api.backends[1]={address: \"h:2\"}")
	f.Add("ISAME_ROUTES__API__HEADERS__X_Y", "${ENV:NOT_A_NUMBER}", "routes.api.query.x=$${ENV:X}")
	f.Add("ISAME_POOLS__API__BACKENDS__0", "[{a: [", "pools.api=5")
	f.Add("ISAME_MIDDLEWARE__M__RATE", "5", "middleware.m.type=rate_limit")
	f.Add("ISAME_MIDDLEWARE__M", "{type: deny, when: {headers: {a: b}}}", "middleware.m.when[0].headers.a={absent: true}")
	f.Fuzz(func(t *testing.T, name, value, set string) {
		if strings.Contains(value+set, "FILE:") {
			t.Skip("reads files of this machine")
		}
		environ := append(fixtureEnviron(), name+"="+value)
		loaded, err := Load(Options{File: "fuzz.yaml", Data: []byte(base), Environ: environ, Set: []string{set}})
		if err != nil || hasSecret(t, loaded) {
			return
		}
		roundTrip(t, loaded, "yaml", fixtureEnviron())
		if _, ok := splitPath(strings.SplitN(set, "=", 2)[0]); !ok && !strings.Contains(set, `"`) {
			t.Errorf("--set %q was accepted; its key cannot be split", set)
		}
	})
}

// FuzzPath checks that every name can be written in a path and read back.
func FuzzPath(f *testing.F) {
	f.Add("api", "a.b")
	f.Add(`"`, `\`)
	f.Add("[0]", "")
	f.Fuzz(func(t *testing.T, first, second string) {
		path := joinPath(joinPath("", first), second)
		got, ok := splitPath(path)
		if first == "" || second == "" || !ok {
			if ok != (first != "" && second != "") {
				t.Fatalf("%s: got %q, %v", path, got, ok)
			}
			return
		}
		if len(got) != 2 || got[0] != first || got[1] != second {
			t.Fatalf("%s: got %q; want %q", path, got, []string{first, second})
		}
		if parent := parentPath(path); parent != joinPath("", first) {
			t.Fatalf("parent of %s: got %s", path, parent)
		}
	})
}
