package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// base is the file most tests put something over.
const base = `listeners: {web: {address: ":8080"}, Admin-Net: {address: ":8081"}}
routes: {api: {pool: api, hosts: [a.example]}}
pools:
  api:
    backends:
      - {address: "10.0.0.1:80"}
      - {address: "10.0.0.2:80", weight: 2}
  api-next: {backends: []}
  x.example: {backends: []}
`

// load loads base with an environment and flags, and fails the test on problems.
func load(t *testing.T, environ, set []string) *Loaded {
	t.Helper()
	loaded, err := Load(Options{File: "isame.yaml", Data: []byte(base), Environ: environ, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// refused loads a configuration and returns its problems, which it must have.
func refused(t *testing.T, opts Options) Problems {
	t.Helper()
	_, err := Load(opts)
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("got error %v; want Problems", err)
	}
	return problems
}

func TestLayersOverrideOneAnother(t *testing.T) {
	t.Parallel()
	const path = "pools.api.algorithm"
	tests := []struct {
		name    string
		text    string
		environ []string
		set     []string
		want    string
		origin  string
	}{
		{"default", "", nil, nil, "round_robin", "default"},
		{"file", "algorithm: random", nil, nil, "random", "isame.yaml:4:16"},
		{"environment over file", "algorithm: random", []string{"ISAME_POOLS__API__ALGORITHM=p2c"}, nil, "p2c", "env ISAME_POOLS__API__ALGORITHM"},
		{"environment over default", "", []string{"ISAME_POOLS__API__ALGORITHM=p2c"}, nil, "p2c", "env ISAME_POOLS__API__ALGORITHM"},
		{"flag over environment", "algorithm: random", []string{"ISAME_POOLS__API__ALGORITHM=p2c"}, []string{path + "=maglev"}, "maglev", "flag --set pools.api.algorithm"},
		{"last flag", "", nil, []string{path + "=maglev", path + "=ip_hash"}, "ip_hash", "flag --set pools.api.algorithm"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := "listeners: {web: {address: \":8080\"}}\npools:\n  api:\n    " + tt.text + "\n    backends: []\n"
			loaded, err := Load(Options{File: "isame.yaml", Data: []byte(text), Environ: tt.environ, Set: tt.set})
			if err != nil {
				t.Fatal(err)
			}
			if got := loaded.Config.Pools["api"].Algorithm; got != tt.want {
				t.Errorf("got algorithm %q; want %q", got, tt.want)
			}
			if got := loaded.Origin(path).String(); got != tt.origin {
				t.Errorf("got origin %q; want %q", got, tt.origin)
			}
		})
	}
}

func TestLayerReaches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ string
		set     string
		got     func(c *Config) any
		want    any
	}{
		{"zone of the proxy", "ISAME_ZONE=b", "zone=b", func(c *Config) any { return c.Zone }, "b"},
		{"key with underscore", "ISAME_POOLS__API__HEALTH_CHECK__HEALTHY_AFTER=7", "pools.api.health_check.healthy_after=7", func(c *Config) any { return c.Pools["api"].HealthCheck.HealthyAfter }, 7},
		{"name in another case", "ISAME_LISTENERS__ADMIN-NET__ADDRESS=:1", `listeners.Admin-Net.address=:1`, func(c *Config) any { return c.Listeners["Admin-Net"].Address }, ":1"},
		{"name with dash as underscore", "ISAME_POOLS__API_NEXT__PANIC_THRESHOLD=1", "pools.api-next.panic_threshold=1", func(c *Config) any { return c.Pools["api-next"].PanicThreshold }, 1},
		{"name with dot", "ISAME_POOLS__X_EXAMPLE__PANIC_THRESHOLD=1", `pools."x.example".panic_threshold=1`, func(c *Config) any { return c.Pools["x.example"].PanicThreshold }, 1},
		{"new name", "ISAME_POOLS__NEW__BACKENDS=[]", "pools.new.backends=[]", func(c *Config) any { return len(c.Pools) }, 4},
		{"item by index", "ISAME_POOLS__API__BACKENDS__1__WEIGHT=5", "pools.api.backends[1].weight=5", func(c *Config) any { return c.Pools["api"].Backends[1] }, Backend{Address: "10.0.0.2:80", Weight: 5}},
		{"item by index as key", "ISAME_POOLS__API__BACKENDS__0__ADDRESS=h:1", "pools.api.backends.0.address=h:1", func(c *Config) any { return c.Pools["api"].Backends[0] }, Backend{Address: "h:1", Weight: 1}},
		{"new item", "ISAME_POOLS__API__BACKENDS__2__ADDRESS=h:1", "pools.api.backends[2].address=h:1", func(c *Config) any { return len(c.Pools["api"].Backends) }, 3},
		{"item of a list of text", "ISAME_ROUTES__API__HOSTS__1=b.example", "routes.api.hosts[1]=b.example", func(c *Config) any { return c.Routes["api"].Hosts }, []string{"a.example", "b.example"}},
		{"list by commas", "ISAME_ROUTES__API__HOSTS=b.example, c.example", "routes.api.hosts=b.example,c.example", func(c *Config) any { return c.Routes["api"].Hosts }, []string{"b.example", "c.example"}},
		{"empty list", "ISAME_ROUTES__API__HOSTS=", "routes.api.hosts=", func(c *Config) any { return len(c.Routes["api"].Hosts) }, 0},
		{"list as YAML", "ISAME_POOLS__API__BACKENDS=[{address: 'h:1', weight: 0}]", "pools.api.backends=[{address: 'h:1', weight: 0}]", func(c *Config) any { return c.Pools["api"].Backends }, []Backend{{Address: "h:1"}}},
		{"list as JSON", `ISAME_POOLS__API__BACKENDS=[{"address": "h:1"}]`, `pools.api.backends=[{"address": "h:1"}]`, func(c *Config) any { return c.Pools["api"].Backends }, []Backend{{Address: "h:1", Weight: 1}}},
		{"section as YAML", "ISAME_SHUTDOWN={drain: 1s}", "shutdown={drain: 1s}", func(c *Config) any { return c.Shutdown.Drain }, time.Second},
		{"optional section", "ISAME_POOLS__API__CIRCUIT_BREAKER={}", "pools.api.circuit_breaker={}", func(c *Config) any { return c.Pools["api"].CircuitBreaker.Failures }, 5},
		{"header", "ISAME_ROUTES__API__HEADERS__X-ENV=a=b", "routes.api.headers.x-env=a=b", func(c *Config) any { return c.Routes["api"].Headers }, map[string]Match{"x-env": {Is: "a=b"}}},
		{"text that looks like a number", "ISAME_ROUTES__API__QUERY__V=1", "routes.api.query.v=1", func(c *Config) any { return c.Routes["api"].Query["v"].Is }, "1"},
		{"bool", "ISAME_METRICS__ENABLED=false", "metrics.enabled=false", func(c *Config) any { return c.Metrics.Enabled }, false},
		{"number", "ISAME_LOG__ACCESS__SAMPLE=0.5", "log.access.sample=0.5", func(c *Config) any { return c.Log.Access.Sample }, 0.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fromEnv := load(t, []string{tt.environ}, nil)
			if got := tt.got(fromEnv.Config); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: got %v; want %v", tt.environ, got, tt.want)
			}
			fromFlag := load(t, nil, []string{tt.set})
			if got := tt.got(fromFlag.Config); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("--set %s: got %v; want %v", tt.set, got, tt.want)
			}
		})
	}
}

//nolint:misspell // mistakes are what is tested
func TestLayerProblemsNameTheirSource(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ []string
		set     []string
		want    []string
	}{
		{"unknown variable", []string{"ISAME_LISTENER=x"}, nil, []string{`env ISAME_LISTENER: listener: unknown key (did you mean "listeners"?)`}},
		{"unknown key of a pool", []string{"ISAME_POOLS__API__ALGORITM=x"}, nil, []string{`env ISAME_POOLS__API__ALGORITM: pools.api.algoritm: unknown key (did you mean "algorithm"?)`}},
		{"value of a variable", []string{"ISAME_SHUTDOWN__DRAIN=30"}, nil, []string{`env ISAME_SHUTDOWN__DRAIN: shutdown.drain: "30" has no unit: write 30s or 30ms`}},
		{"value of a flag", nil, []string{"log.level=loud"}, []string{`--set log.level: log.level: "loud" is none of debug, info, warn, error`}},
		{"key below a value", []string{"ISAME_LOG__LEVEL__X=1"}, nil, []string{`env ISAME_LOG__LEVEL__X: log.level: has no keys below it`}},
		{"index too high", []string{"ISAME_POOLS__API__BACKENDS__7__WEIGHT=1"}, nil, []string{`env ISAME_POOLS__API__BACKENDS__7__WEIGHT: pools.api.backends: "7" is not the index of an item: 0 to 2`}},
		{"index that is a word", nil, []string{"pools.api.backends.first.weight=1"}, []string{`--set pools.api.backends.first.weight: pools.api.backends: "first" is not the index of an item: 0 to 2`}},
		{"text for a section", nil, []string{"pools.api=x"}, []string{"--set pools.api: pools.api: must be a section of keys, written as {key: value}"}},
		{"text for a list of sections", nil, []string{"pools.api.backends=10.0.0.1:80"}, []string{"--set pools.api.backends: pools.api.backends: must be a list, written as [{key: value}]"}},
		{"broken YAML", nil, []string{"pools.api.backends=[{address: x"}, []string{"--set pools.api.backends: pools.api.backends: cannot be read as YAML: did not find expected ',' or '}'"}},
		{"duplicate key in YAML", nil, []string{"log={level: info, level: warn}"}, []string{`--set log: log.level: key "level" is given twice`}},
		{"no value", nil, []string{"log.level"}, []string{"--set log.level: must be key=value"}},
		{"no key", nil, []string{"=x"}, []string{"--set =: must be key=value"}},
		{"broken key", nil, []string{`pools."api.x=1`, "a..b=1", "a[=1", "a[]=1", "a]b=1", `"a"b=1`}, nil},
		{"empty level", []string{"ISAME_POOLS____ALGORITHM=p2c"}, nil, []string{"env ISAME_POOLS____ALGORITHM: pools: a name must be plain text"}},
		{"bytes that are no text", []string{"ISAME_ROUTES__API__QUERY__\xff=x", "ISAME_ROUTES__API__QUERY__V=\xff"}, nil, []string{
			"env ISAME_ROUTES__API__QUERY__V: routes.api.query.v.is: is not UTF-8 text", "env ISAME_ROUTES__API__QUERY__\xff: routes.api.query: a name must be plain text",
		}},
		{"nothing behind the prefix", []string{"ISAME_=x"}, nil, []string{`env ISAME_: "": unknown key`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			problems := refused(t, Options{File: "isame.yaml", Data: []byte(base), Environ: tt.environ, Set: tt.set})
			got := strings.Split(problems.Error(), "\n")
			if tt.want == nil {
				if len(got) != len(tt.set) {
					t.Errorf("got %q; want a problem for each of %q", got, tt.set)
				}
				return
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestAmbiguousNameOfVariable(t *testing.T) {
	text := "listeners: {web: {address: \":8080\"}}\npools: {a-b: {backends: []}, a.b: {backends: []}, C: {backends: []}, c: {backends: []}}\n"
	problems := refused(t, Options{Data: []byte(text), Environ: []string{"ISAME_POOLS__A_B__ALGORITHM=p2c"}})
	want := `env ISAME_POOLS__A_B__ALGORITHM: pools: "A_B" matches several names: a-b, a.b`
	if problems.Error() != want {
		t.Errorf("got %q; want %q", problems.Error(), want)
	}
	if _, err := Load(Options{Data: []byte(text), Environ: []string{"ISAME_POOLS__C__ALGORITHM=p2c"}}); err != nil {
		t.Errorf("an exact name is refused: %v", err)
	}
}

func TestOwnVariablesAreNoKeys(t *testing.T) {
	loaded := load(t, []string{"ISAME_CONFIG=x", "ISAME_ADMIN=http://x", "ISAME_TOKEN=y", "OTHER=z", "broken"}, nil)
	if loaded.Config.Admin.Token != "" {
		t.Errorf("got token %q; want none", string(loaded.Config.Admin.Token))
	}
}

func TestDefaultsOfAbsentSections(t *testing.T) {
	loaded := load(t, nil, nil)
	r := loaded.Config.Routes["api"].Retry
	want := Retry{
		Attempts: 2, On: []string{"connect_failure", "reset"}, Methods: []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "QUERY"},
		Backoff: Backoff{Initial: 10 * time.Millisecond, Max: time.Second, Factor: 2, Jitter: 0.5},
		Budget:  Budget{Percent: 20, MinPerSecond: 10}, Default: true,
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got retry %+v; want %+v", r, want)
	}
	p := loaded.Config.Pools["api"]
	if p.CircuitBreaker != nil || p.HealthCheck != nil || p.SlowStart != 0 {
		t.Errorf("got %+v; want no breaker, no health check, no slow start", p)
	}
	if p.Backends[0].Weight != 1 {
		t.Errorf("got weight %d; want 1", p.Backends[0].Weight)
	}
}

func TestPresentRetrySectionFillsMissingKeys(t *testing.T) {
	loaded := load(t, nil, []string{"routes.api.retry={attempts: 4}"})
	r := loaded.Config.Routes["api"].Retry
	if r.Default || r.Attempts != 4 || len(r.On) != 6 || r.PerTryTimeout != 0 {
		t.Errorf("got %+v; want 4 attempts, 6 causes, no timeout of a try, not default", r)
	}
}

func TestFilesToWatch(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "secret\n")
	file := filepath.Join(dir, "isame.yaml")
	write(t, file, base+"admin: {token: \"${FILE:token}\"}\n")
	loaded, err := Load(Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{file, filepath.Join(dir, "token")}
	if !slices.Equal(loaded.Files, want) {
		t.Errorf("got files %q; want %q", loaded.Files, want)
	}
	if string(loaded.Config.Admin.Token) != "secret" {
		t.Errorf("got token %q; want the text of the file without its line end", string(loaded.Config.Admin.Token))
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "isame.conf"), base)
	tests := []struct {
		name, file, format, want string
	}{
		{"missing", filepath.Join(dir, "missing.yaml"), "", "cannot be read: no such file or directory"},
		{"folder", dir, "", "cannot be read: is a directory"},
		{"ending", filepath.Join(dir, "isame.conf"), "", `the ending ".conf" is none of .yaml, .yml, .json and .toml`},
		{"format", filepath.Join(dir, "isame.conf"), "xml", `the format "xml" is none of yaml, json and toml`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := tt.file + ": " + tt.want
			if got := refused(t, Options{File: tt.file, Format: tt.format}).Error(); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
	if _, err := Load(Options{File: filepath.Join(dir, "isame.conf"), Format: "yaml"}); err != nil {
		t.Errorf("a format by name is refused: %v", err)
	}
}

func TestWithoutAnyFile(t *testing.T) {
	loaded, err := Load(Options{Environ: []string{"ISAME_LISTENERS__WEB__ADDRESS=:80"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Config.Listeners["web"]; got.Address != ":80" || !got.HTTP2 {
		t.Errorf("got %+v; want :80 and the defaults", got)
	}
	if got := refused(t, Options{}).Error(); got != "listeners: there is no listener, so nothing would be served" {
		t.Errorf("got %q", got)
	}
}

func TestFindFile(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "isame.yaml"), filepath.Join(dir, "etc.yaml")
	places := []string{first, second}
	environ := []string{"ISAME_CONFIG=/from/env"}
	check := func(explicit string, environ []string, want string, found bool) {
		t.Helper()
		if got, ok := findFile(explicit, environ, places); got != want || ok != found {
			t.Errorf("got %q, %v; want %q, %v", got, ok, want, found)
		}
	}
	check("/explicit", environ, "/explicit", true)
	check("", environ, "/from/env", true)
	check("", nil, "", false)
	write(t, second, base)
	check("", nil, second, true)
	write(t, first, base)
	check("", nil, first, true)
	if got, found := FindFile("x.yaml", nil); got != "x.yaml" || !found {
		t.Errorf("got %q, %v; want the explicit file", got, found)
	}
}

func TestEmbeddedDefault(t *testing.T) {
	demo := Demo{Backends: [3]string{"127.0.0.1:1", "127.0.0.1:2", "unix:/run/demo.sock"}, Home: "127.0.0.1:4"}
	loaded, err := Load(Options{File: DefaultName, Data: Default(demo)})
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	if c.Listeners["web"].Address != ":8080" || c.Admin.Address != "127.0.0.1:9901" {
		t.Errorf("got addresses %q and %q", c.Listeners["web"].Address, c.Admin.Address)
	}
	if got := c.Pools["demo"].Backends; len(got) != 3 || got[2].Address != "unix:/run/demo.sock" {
		t.Errorf("got demo backends %+v", got)
	}
	if got := c.Routes["health"].Respond; got == nil || got.Status != 200 {
		t.Errorf("got GET /health answered by %+v; want 200", got)
	}
	if c.Routes["demo"].Pool != "demo" || c.Pools["home"].Backends[0].Address != demo.Home {
		t.Errorf("got routes %+v", c.Routes)
	}
	if len(loaded.Files) != 0 {
		t.Errorf("got files %q; want none to watch", loaded.Files)
	}
	roundTrip(t, loaded, "yaml", nil)
}

//nolint:misspell // mistakes are what is tested
func TestProblemsAsJSON(t *testing.T) {
	problems := refused(t, Options{File: "a.yaml", Data: []byte("listeners: {web: {adress: x}}\n")})
	got, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"file":"a.yaml","line":1,"col":19,"path":"listeners.web.adress","message":"unknown key (did you mean \"address\"?)"}]`
	if string(got) != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(base)
	for i := range 3 * problemsMax {
		fmt.Fprintf(&text, "unknown%d: 1\n", i)
	}
	problems := refused(t, Options{File: "isame.yaml", Data: text.Bytes()})
	if len(problems) != problemsMax+1 {
		t.Fatalf("got %d problems; want %d and a count", len(problems), problemsMax)
	}
	if got, want := problems[problemsMax].String(), "and 2000 more problems"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// write makes a file of a test.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
