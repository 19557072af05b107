package config

import (
	"slices"
	"strings"
	"testing"
)

func TestValueAndOverridesOfPaths(t *testing.T) {
	loaded, err := Load(Options{
		File: "a.yaml", Format: formatYAML,
		Data: []byte(`
listeners: {web: {address: "127.0.0.1:80"}}
routes: {"a.b": {path: /x, pool: p}}
pools: {p: {backends: [{address: "127.0.0.1:1"}, {address: "127.0.0.1:2", weight: 3}]}, p-x: {backends: [{address: "127.0.0.1:3"}]}}
admin: {token: secret}
`),
		Environ: []string{"ISAME_POOLS__P__ALGORITHM=random", "ISAME_LOG__LEVEL=debug"}, Set: []string{"pools.p.backends[0].weight=7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"pools.p.algorithm":          `"random"`,
		"pools.p.backends[1].weight": "3",
		"pools.p.backends[1]":        `"weight":3`,
		`routes."a.b".path`:          `"/x"`,
		"admin.token":                `"***"`,
		"log":                        `"level":"debug"`,
		"shutdown.drain":             `"30s"`,
	} {
		if got, ok := loaded.Value(path); !ok || !strings.Contains(got, want) {
			t.Errorf("%s: got %s, %v; want %s", path, got, ok, want)
		}
	}
	for _, path := range []string{"pools.q", "pools.p.backends[2]", "pools.p.algorithm.x", "poolsx"} {
		if got, ok := loaded.Value(path); ok {
			t.Errorf("%s: got %s; want nothing", path, got)
		}
	}
	want := []Override{
		{"log.level", Origin{Env: "ISAME_LOG__LEVEL"}},
		{"pools.p.algorithm", Origin{Env: "ISAME_POOLS__P__ALGORITHM"}},
		{"pools.p.backends[0].weight", Origin{Flag: "pools.p.backends[0].weight"}},
	}
	if got := loaded.Overrides(); !slices.Equal(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestStateChecks(t *testing.T) {
	const base = "listeners: {web: {address: \"127.0.0.1:80\"}}\nroutes: {all: {respond: {body: x}}}\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"state without a folder", "admin: {persist: state}\n", "admin.persist: state needs state.dir"},
		{"state with one", "admin: {persist: state}\nstate: {dir: s}\n", ""},
		{"file", "admin: {persist: file}\n", ""},
		{"another word", "admin: {persist: disk}\n", "admin.persist"},
		{"a variable", "admin: {env_names: [A_1, b]}\n", ""},
		{"no variable", "admin: {env_names: [\"A B\"]}\n", "admin.env_names[0]"},
		{"a digit first", "admin: {env_names: [A, 1A]}\n", "admin.env_names[1]"},
		{"twice", "admin: {env_names: [A, A]}\n", "admin.env_names[1]"},
		{"roots twice", "admin: {file_roots: [/a, /a]}\n", "admin.file_roots[1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(Options{File: "a.yaml", Data: []byte(base + c.text)})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}
