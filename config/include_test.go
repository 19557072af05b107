package config

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// folder writes files, by their names below a folder of their own.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, file, text)
	}
	return dir
}

// including is a main file with an include.
func including(include string) string {
	return "include: " + include + "\nlisteners: {web: {address: ':80'}}\n"
}

const (
	shopYAML = "x-own: &p {address: '10.0.0.1:80'}\nroutes:\n  shop: {path: /shop, pool: shop}\npools: {shop: {backends: [*p]}}\n"
	blogJSON = `{"routes": {"blog": {"path": "/blog", "pool": "shop", "timeout": "5s"}}, "log": {"access": {"enabled": true}}}`
	mailTOML = "[log]\nlevel = \"warn\"\n[admin]\naddress = \"127.0.0.1:9000\"\n"
)

func TestIncludedFilesAreOneConfiguration(t *testing.T) {
	dir := folder(t, map[string]string{
		"isame.yaml":          including("[conf.d/*.yaml, 'conf.d/?[l]og.json', mail.toml]") + "log: {access: {sample: 0.5}}\nx-own: 1\n",
		"conf.d/shop.yaml":    shopYAML,
		"conf.d/.hidden.yaml": "nothing: of this is read",
		"conf.d/blog.json":    blogJSON,
		"conf.d/old.yaml.bak": "nor: this",
		"mail.toml":           mailTOML,
	})
	main := filepath.Join(dir, "isame.yaml")
	loaded := taken(t, Options{File: main, Environ: []string{"ISAME_ROUTES__SHOP__TIMEOUT=7s"}})
	c := loaded.Config
	if c.Routes["shop"].Pool != "shop" || c.Routes["blog"].Timeout != 5e9 || c.Routes["shop"].Timeout != 7e9 || c.Pools["shop"].Backends[0].Address != "10.0.0.1:80" ||
		c.Log.Level != "warn" || !c.Log.Access.Enabled || c.Log.Access.Sample != 0.5 || c.Admin.Address != "127.0.0.1:9000" || c.Include != nil {
		t.Errorf("got %+v", c)
	}
	for path, want := range map[string]string{
		"routes.shop.pool":           "conf.d/shop.yaml:3:29",
		"routes.blog.timeout":        "conf.d/blog.json:1:66",
		"log.level":                  "mail.toml:2:9",
		"log.access.sample":          "isame.yaml:3:24",
		"routes.shop.timeout":        "env ISAME_ROUTES__SHOP__TIMEOUT",
		"listeners.web.address":      "isame.yaml:2:28",
		"pools.shop.panic_threshold": "default",
	} {
		if got := strings.TrimPrefix(loaded.Origin(path).String(), dir+"/"); got != want {
			t.Errorf("%s: got %s; want %s", path, got, want)
		}
	}
	var want []string
	for _, name := range []string{"isame.yaml", "conf.d/shop.yaml", "conf.d/blog.json", "mail.toml"} {
		want = append(want, filepath.Join(dir, name))
	}
	if !slices.Equal(loaded.Files, want) {
		t.Errorf("got the files %v; want %v", loaded.Files, want)
	}
	if got := IncludesOf(main, nil).Files; !slices.Equal(got, []string{want[2], want[1], want[3]}) {
		t.Errorf("got %v to be watched", got)
	}
	roundTrip(t, loaded, "yaml", nil)
}

// TestIncludesThatAreRefused gives each mistake one line; {} is the folder of the main file.
func TestIncludesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, include string
		files         map[string]string
		want          []string
	}{
		{"name twice", "[a.yaml, b.yaml]", map[string]string{
			"a.yaml": "routes:\n  one: {path: /a, respond: {}}\n", "b.yaml": "routes: {two: {path: /b, respond: {}}, one: {respond: {}}}\n",
		}, []string{"{}/b.yaml:1:40: routes.one: is given twice, first in {}/a.yaml:2"}},
		{
			"name twice, in the main file too", "[a.yaml]",
			map[string]string{"a.yaml": "listeners: {web: {address: ':81'}}"},
			[]string{"{}/a.yaml:1:13: listeners.web: is given twice, first in {}/isame.yaml:2"},
		},
		{"value twice", "[a.yaml, b.yaml]", map[string]string{
			"a.yaml": "zone: a\nlog: {level: warn, access: {slow: 1s}}\n", "b.yaml": "zone: a\nlog: {access: {slow: 1s, enabled: true}}\n",
		}, []string{
			"{}/b.yaml:1:7: zone: is given twice, first in {}/a.yaml:1",
			"{}/b.yaml:2:22: log.access.slow: is given twice, first in {}/a.yaml:2",
		}},
		{"list twice", "[a.yaml, b.yaml]", map[string]string{
			"a.yaml": "middleware: {m: {type: deny}}\ndefaults: {middleware: [m]}\n", "b.yaml": "defaults: {middleware: [m]}\n",
		}, []string{"{}/b.yaml:1:12: defaults.middleware: is given twice, first in {}/a.yaml:2"}},
		{
			"section that is none", "[a.yaml]",
			map[string]string{"a.yaml": "listeners: [1]\n"},
			[]string{"{}/a.yaml:1:1: listeners: is given twice, first in {}/isame.yaml:2"},
		},
		{"outside", "[../a.yaml]", nil, []string{`{}/isame.yaml:1:11: include[0]: "../a.yaml" leads out of the folder of the main file: included files stand in it, or below`}},
		{"outside by its root", "/etc/*.yaml", nil, []string{`{}/isame.yaml:1:10: include[0]: "/etc/*.yaml" leads out of the folder of the main file: included files stand in it, or below`}},
		{"no such file", "[a.yaml]", nil, []string{`{}/isame.yaml:1:11: include[0]: there is no file "{}/a.yaml"`}},
		{"folder", "[conf.d]", map[string]string{"conf.d/a.yaml": ""}, []string{`{}/isame.yaml:1:11: include[0]: "{}/conf.d" is a folder: name the files in it, such as "{}/conf.d/*.yaml"`}},
		{"its own folder", "['.']", nil, []string{`{}/isame.yaml:1:11: include[0]: "." is the folder of the main file: name files, such as "*.yaml"`}},
		{"nothing", "['']", nil, []string{`{}/isame.yaml:1:11: include[0]: is empty: name a file, or a pattern such as conf.d/*.yaml`}},
		{"bad pattern", "['a[.yaml']", nil, []string{`{}/isame.yaml:1:11: include[0]: "a[.yaml" is not a pattern: a bracket is not closed`}},
		{"itself", "['*.yaml']", nil, []string{`{}/isame.yaml:1:11: include[0]: "{}/isame.yaml" is the main file itself`}},
		{
			"file twice", "['a*.yaml', a.yaml]",
			map[string]string{"a.yaml": "zone: a"},
			[]string{`{}/isame.yaml:1:22: include[1]: "{}/a.yaml" is included by "a*.yaml" already`},
		},
		{
			"include in an included file", "[a.yaml]",
			map[string]string{"a.yaml": "zone: a\ninclude: [b.yaml]\n"},
			[]string{"{}/a.yaml:2:1: include: cannot stand in a file that is included itself: name all files in the main one"},
		},
		{"other ending", "['*.txt']", map[string]string{"a.txt": "zone: a"}, []string{`{}/a.txt: the ending ".txt" is none of .yaml, .yml, .json and .toml`}},
		{"empty file", "[a.yaml]", map[string]string{"a.yaml": "# nothing\n"}, []string{"{}/a.yaml:1:1: the configuration is empty"}},
		{"mistakes of both files", "[a.yaml]", map[string]string{"a.yaml": "\nzoen: a\nlog: {level: loud}\n"}, []string{
			`{}/a.yaml:2:1: zoen: unknown key (did you mean "zone"?)`,
			`{}/a.yaml:3:14: log.level: "loud" is none of debug, info, warn, error`,
		}},
		{"number", "[1]", nil, []string{`{}/isame.yaml:1:11: include[0]: must be text, not a number: write "1" in quotes`}},
		{"section", "{a: b}", nil, []string{`{}/isame.yaml:1:1: include[0]: must be text, not a section of keys`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"isame.yaml": including(c.include)}
			maps.Copy(files, c.files)
			dir := folder(t, files)
			got := strings.ReplaceAll(refused(t, Options{File: filepath.Join(dir, "isame.yaml")}).Error(), dir, "{}")
			if want := strings.Join(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestLinksAreIncludedWhereTheyStayInside(t *testing.T) {
	dir := folder(t, map[string]string{
		"isame.yaml": including("['conf.d/*.yaml']"), "..1/a.yaml": "zone: a\n", "conf.d/b.yaml": "log: {level: warn}\n",
	})
	for name, target := range map[string]string{"..data": "..1", "conf.d/a.yaml": "../..data/a.yaml"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	opts := Options{File: filepath.Join(dir, "isame.yaml")}
	if c := taken(t, opts).Config; c.Zone != "a" || c.Log.Level != "warn" {
		t.Errorf("got %q and %q", c.Zone, c.Log.Level)
	}
	outside := filepath.Join(folder(t, map[string]string{"c.yaml": "zone: c"}), "c.yaml")
	if err := os.Symlink(outside, filepath.Join(dir, "conf.d", "c.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := refused(t, opts).Error(); !strings.Contains(got, "include[0]") || !strings.Contains(got, "is a link that leads out of the folder") {
		t.Errorf("got %s", got)
	}
	if err := os.Remove(filepath.Join(dir, "conf.d", "c.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("b.yaml", filepath.Join(dir, "conf.d", "c.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := refused(t, opts).Error(); !strings.Contains(got, `conf.d/c.yaml" is included by "conf.d/*.yaml" already`) {
		t.Errorf("got %s", got)
	}
}

func TestIncludesOfNothing(t *testing.T) {
	dir := folder(t, map[string]string{"isame.yaml": including("['conf.d/*.yaml', '${ENV:MORE:-*.json}', 'teams/*/routes.toml']"), "teams/a/other": ""})
	loaded := taken(t, Options{File: filepath.Join(dir, "isame.yaml")})
	want := []string{`include[0]: warning: no file matches "conf.d/*.yaml"`, `include[1]: warning: no file matches "*.json"`, `include[2]: warning: no file matches "teams/*/routes.toml"`}
	for i, w := range loaded.Warnings {
		if len(loaded.Warnings) != len(want) || !strings.HasSuffix(w.String(), want[i]) {
			t.Errorf("got %v; want %v", loaded.Warnings, want)
		}
	}
	found := map[string][]string{}
	for _, l := range IncludesOf(filepath.Join(dir, "isame.yaml"), nil).Lookouts {
		name := strings.TrimPrefix(strings.TrimPrefix(l.Folder, dir), "/")
		found[name] = append(found[name], l.element)
	}
	if want := map[string][]string{"": {"conf.d", "*.json", "teams"}, "teams": {"*"}, "teams/a": {"routes.toml"}}; !reflect.DeepEqual(found, want) {
		t.Errorf("got %v to be looked at; want %v", found, want)
	}
}

func TestIncludeStandsInAFileOnly(t *testing.T) {
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{Data: []byte(including("[a.yaml]"))}, "input:1:1: include: can stand in a file only, not in a configuration that is sent"},
		{Options{Data: []byte(including("[]")[12:]), Set: []string{"include=a.yaml"}}, "--set include: include: can stand in the file only"},
		{Options{Data: []byte(including("[]")[12:]), Environ: []string{"ISAME_INCLUDE=a.yaml"}}, "env ISAME_INCLUDE: include: can stand in the file only"},
	} {
		if got := refused(t, c.opts).Error(); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
	}
}

// TestFilesWithReferences: paths and files behind references start at the main file.
func TestFilesWithReferences(t *testing.T) {
	dir := folder(t, map[string]string{
		"isame.yaml": including("conf.d/a.yaml"), "secret": "0123456789abcdef", "conf.d/a.yaml": "admin: {token: '${FILE:secret}'}\n",
	})
	loaded := taken(t, Options{File: filepath.Join(dir, "isame.yaml")})
	if loaded.Config.Admin.Token != "0123456789abcdef" {
		t.Errorf("got %q", string(loaded.Config.Admin.Token))
	}
	var text bytes.Buffer
	if err := Write(&text, loaded, "yaml"); err != nil || strings.Contains(text.String(), "include") {
		t.Errorf("got %v and\n%s\nwant what was included in place of the names", err, text.String())
	}
}

// TestManyFilesAreCheap: their number costs no more than their values.
func TestManyFilesAreCheap(t *testing.T) {
	files := map[string]string{"isame.yaml": including("['conf.d/*.yaml']")}
	const many = 2000
	for i := range many {
		n := strconv.Itoa(i)
		files["conf.d/"+n+".yaml"] = "routes: {r" + n + ": {path: /" + n + ", respond: {}}}\n"
	}
	loaded := taken(t, Options{File: filepath.Join(folder(t, files), "isame.yaml")})
	if got := len(loaded.Config.Routes); got != many {
		t.Errorf("got %d routes; want %d", got, many)
	}
}

// FuzzGlob: whatever a pattern is, what it finds is in the folder.
func FuzzGlob(f *testing.F) {
	for _, text := range []string{"conf.d/*.yaml", "../*", "/etc/passwd", "a/../../b", "[", "", ".", "*/*/..", "\\*", "conf.d/../*.yaml", "./x"} {
		f.Add(text)
	}
	dir, err := os.MkdirTemp("", "glob")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"in/conf.d/a.yaml", "in/b.yaml", "out.yaml"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("zone: a"), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := globOf(filepath.Join(dir, "in"), text)
		if err != nil {
			return
		}
		found, _ := g.find(nil)
		for _, name := range found {
			if !isBelow(filepath.Join(dir, "in"), name) {
				t.Errorf("%q finds %q", text, name)
			}
		}
	})
}
