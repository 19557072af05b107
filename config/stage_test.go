package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// stageBase is the file that stages are put over.
const stageBase = `listeners: {web: {address: ":8080"}}
routes: {api: {pool: p, middleware: [limit]}, other: {path: /other, pool: p}}
pools: {p: {backends: [{address: "10.0.0.1:80"}]}}
middleware:
  limit: {type: rate_limit, rate: 5, when: {path: /a}}
  many: {type: deny, when: [{path: /a}, {path: /b}]}
`

// TestEachStageStandsInItsFile holds the table of types, the files and the list of what
// does not work to one another.
func TestEachStageStandsInItsFile(t *testing.T) {
	files, err := filepath.Glob("stage_*.go")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "stage_"), ".go")
		if name == "test" {
			continue
		}
		named = append(named, name)
		text, err := os.ReadFile(file)
		if typ := StageType(name); err != nil || typ == nil || !bytes.Contains(text, []byte("type "+typ.Name()+" struct")) {
			t.Errorf("%s: got type %v, %v; want the struct of %s in it", file, typ, err, name)
		}
	}
	slices.Sort(named)
	if types := StageTypes(); !slices.Equal(types, named) {
		t.Errorf("got types %q; want those of the files %q", types, named)
	}
	for _, name := range unsupportedStages() {
		if StageType(name) == nil {
			t.Errorf("%s is no type of middleware", name)
		}
	}
	if StageType("none") != nil {
		t.Error("none is a type")
	}
}

// TestEveryStageHasAGoodExample fails for a type that the fixture does not hold.
func TestEveryStageHasAGoodExample(t *testing.T) {
	loaded := taken(t, Options{File: "testdata/stages.good.yaml"})
	have := map[string]bool{}
	for name, m := range loaded.Config.Middleware {
		have[m.Type] = true
		if want := reflect.PointerTo(StageType(m.Type)); reflect.TypeOf(m.Stage) != want {
			t.Errorf("%s: got %T; want %s", name, m.Stage, want)
		}
	}
	for _, name := range StageTypes() {
		if !have[name] {
			t.Errorf("there is no %s", name)
		}
	}
	v := &visitor{schema: newSchema(Extensions{})}
	v.visit = func(st step) bool {
		if shapeOf(st.v.Type()) == shapeScalar && shapeOf(st.field.typ) == shapeScalar && st.field.def != "" && loaded.Origin(st.path).IsDefault() {
			if got := formatScalar(st.v); got != st.field.def {
				t.Errorf("%s: default %q prints as %q; write it so in the tag", st.pattern, st.field.def, got)
			}
			if message := st.field.check(st.v); message != "" {
				t.Errorf("%s: default: %s", st.pattern, message)
			}
		}
		return true
	}
	v.section(reflect.ValueOf(loaded.Config).Elem(), "", "")
}

func TestConditionsAreRead(t *testing.T) {
	loaded := taken(t, Options{File: "testdata/stages.good.yaml"})
	when := loaded.Config.Middleware["token"].When
	want := Condition{
		Predicates: Predicates{
			PathPrefix: "/api", Methods: []string{"GET", "POST"},
			Headers: map[string]Match{
				"X-Env": {Is: "canary"}, "User-Agent": {Regex: "(?i)bot"}, "X-Old": {Absent: true}, "X-Any": {Is: "*"}, "X-None": {}, "X-Is": {Is: "a"},
			},
			Query: map[string]Match{"debug": {Is: "1"}, "filter[name]": {Is: "x"}},
		},
		Not: []Predicates{{Path: "/api/health"}},
	}
	if len(when) != 3 || !reflect.DeepEqual(when[0], want) {
		t.Errorf("got %+v; want three sections, the first %+v", when, want)
	}
	if base := loaded.Config.Middleware["base"]; len(base.Unless) != 1 || base.Unless[0].Path != "/health" || base.When != nil {
		t.Errorf("got %+v; want one section for a list of one", base)
	}
}

func TestLayersReachStages(t *testing.T) {
	t.Parallel()
	limit := func(c *Config) *StageRateLimit {
		s, _ := c.Middleware["limit"].Stage.(*StageRateLimit)
		return s
	}
	tests := []struct {
		name    string
		environ []string
		set     []string
		got     func(c *Config) any
		want    any
	}{
		{"key", []string{"ISAME_MIDDLEWARE__LIMIT__RATE=7"}, []string{"middleware.limit.rate=7"}, func(c *Config) any { return limit(c).Rate }, 7.0},
		{"list of one", []string{"ISAME_MIDDLEWARE__LIMIT__KEY=route"}, []string{"middleware.limit.key=route"}, func(c *Config) any { return limit(c).Key }, []string{"route"}},
		{"list", []string{"ISAME_MIDDLEWARE__LIMIT__KEY=route,path"}, []string{"middleware.limit.key=[route, path]"}, func(c *Config) any { return limit(c).Key }, []string{"route", "path"}},
		{
			"section",
			[]string{"ISAME_MIDDLEWARE__LIMIT__STORE__REDIS__ADDRESS=r:1"},
			[]string{"middleware.limit.store.redis.address=r:1"},
			func(c *Config) any { return limit(c).Store.Redis.Timeout }, 5 * time.Millisecond,
		},
		{
			"new stage, its type last",
			[]string{"ISAME_MIDDLEWARE__NEW__ABORT=503", "ISAME_MIDDLEWARE__NEW__PERCENT=5", "ISAME_MIDDLEWARE__NEW__TYPE=fault"},
			[]string{"middleware.new.abort=503", "middleware.new.percent=5", "middleware.new.type=fault"},
			func(c *Config) any { return c.Middleware["new"].Stage }, &StageFault{Percent: 5, Abort: 503},
		},
		{
			"another type",
			[]string{"ISAME_MIDDLEWARE__MANY={type: deny, status: 404}"},
			[]string{"middleware.many={type: deny, status: 404}"},
			func(c *Config) any { return c.Middleware["many"].Stage }, &StageDeny{Status: 404},
		},
		{
			"a condition is replaced whole",
			[]string{"ISAME_MIDDLEWARE__LIMIT__WHEN={methods: [GET]}"},
			[]string{"middleware.limit.when={methods: [GET]}"},
			func(c *Config) any { return c.Middleware["limit"].When },
			[]Condition{{Predicates: Predicates{Methods: []string{"GET"}}}},
		},
		{
			"a list of conditions is replaced whole",
			[]string{"ISAME_MIDDLEWARE__MANY__WHEN={path: /c}"},
			[]string{"middleware.many.when={path: /c}"},
			func(c *Config) any { return c.Middleware["many"].When },
			[]Condition{{Predicates: Predicates{Path: "/c"}}},
		},
		{
			"a condition by its index",
			[]string{"ISAME_MIDDLEWARE__MANY__WHEN__1__PATH=/c"},
			[]string{"middleware.many.when[1].path=/c"},
			func(c *Config) any { return c.Middleware["many"].When[1].Path }, "/c",
		},
		{
			"a condition for a list of one",
			[]string{"ISAME_MIDDLEWARE__LIMIT__WHEN__0__PATH=/c"},
			[]string{"middleware.limit.when[0].path=/c"},
			func(c *Config) any { return c.Middleware["limit"].When[0].Path }, "/c",
		},
		{
			"text for a section",
			[]string{"ISAME_MIDDLEWARE__LIMIT__WHEN__0__HEADERS__X-A=b"},
			[]string{"middleware.limit.when[0].headers.x-a=b"},
			func(c *Config) any { return c.Middleware["limit"].When[0].Headers },
			map[string]Match{"x-a": {Is: "b"}},
		},
		{
			"a key of a match",
			[]string{"ISAME_MIDDLEWARE__LIMIT__WHEN__0__QUERY__A={regex: b}"},
			[]string{"middleware.limit.when[0].query.a={regex: b}"},
			func(c *Config) any { return c.Middleware["limit"].When[0].Query },
			map[string]Match{"a": {Regex: "b"}},
		},
		{"defaults", []string{"ISAME_DEFAULTS__MIDDLEWARE=many"}, []string{"defaults.middleware=many"}, func(c *Config) any { return c.Chain("api") }, []string{"many", "limit"}},
		{"skip", []string{"ISAME_DEFAULTS__MIDDLEWARE=many", "ISAME_ROUTES__API__SKIP=many"}, []string{"defaults.middleware=many", "routes.api.skip=many"}, func(c *Config) any { return c.Chain("api") }, []string{"limit"}},
		{
			"options",
			[]string{"ISAME_MIDDLEWARE__MANY={type: own, options: {a: 1}}", "ISAME_MIDDLEWARE__MANY__OPTIONS__B__C=true"},
			[]string{"middleware.many={type: own, options: {a: 1}}", "middleware.many.options.b.c=true"},
			func(c *Config) any { return c.Middleware["many"].Stage },
			&StageHandler{Name: "own", Options: map[string]any{"a": 1, "b": map[string]any{"c": true}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, opts := range []Options{{Environ: tt.environ}, {Set: tt.set}} {
				opts.Data, opts.File, opts.Extensions = []byte(stageBase), "isame.yaml", Extensions{Stages: []string{"own"}}
				if got := tt.got(taken(t, opts).Config); !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%q %q: got %+v; want %+v", opts.Environ, opts.Set, got, tt.want)
				}
			}
		})
	}
}

func TestLayerProblemsOfStages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ environ, set, want string }{
		{"ISAME_MIDDLEWARE__LIMIT__PERCENT=5", "", `env ISAME_MIDDLEWARE__LIMIT__PERCENT: middleware.limit.percent: is no key of rate_limit but of fault, mirror`},
		{"ISAME_MIDDLEWARE_LIMIT_RATE=5", "", `env ISAME_MIDDLEWARE_LIMIT_RATE: middleware_limit_rate: unknown key (did you mean "ISAME_MIDDLEWARE__LIMIT__RATE"?): levels are separated by two underscores`},
		{"", "middleware.limit.brst=5", `--set middleware.limit.brst: middleware.limit.brst: unknown key (did you mean "burst"?)`},
		{"", "middleware.limit.rate.x=5", "--set middleware.limit.rate.x: middleware.limit.rate: has no keys below it"},
		{"", "middleware.limit.when=/a", "--set middleware.limit.when: middleware.limit.when: must be a list, written as [{key: value}]"},
		{"", "middleware.limit.when.path=/a", `--set middleware.limit.when.path: middleware.limit.when: "path" is not the index of an item: 0 to 1`},
	} {
		t.Run(tt.environ+tt.set, func(t *testing.T) {
			t.Parallel()
			opts := Options{File: "isame.yaml", Data: []byte(stageBase)}
			if tt.environ != "" {
				opts.Environ = []string{tt.environ}
			}
			if tt.set != "" {
				opts.Set = []string{tt.set}
			}
			if _, err := loadPlanned(opts); err == nil || err.Error() != tt.want {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
}

func TestExtensionsAreKnown(t *testing.T) {
	t.Parallel()
	text := stageBase + `  own: {type: own, options: {text: "${ENV:A} x", n: 5, f: 5.0, big: 1e30, yes: true, list: [1, a, {b: null}], empty: {}}, unless: {path: /x}}
  vars: {type: headers, request: {set: {X-A: "{tenant}"}}}
  bare: {type: own}
`
	opts := Options{
		Data: []byte(text), File: "isame.yaml", Set: []string{"pools.p.algorithm=mine", "pools.p.hash_on=path"}, Environ: []string{"A=b"},
		Extensions: Extensions{Stages: []string{"own"}, Algorithms: []string{"mine"}, Variables: []string{"tenant"}},
	}
	loaded, err := loadPlanned(opts)
	if err != nil {
		t.Fatal(err)
	}
	want := &StageHandler{Name: "own", Options: map[string]any{
		"text": "b x", "n": 5, "f": 5.0, "big": 1e30, "yes": true, "list": []any{1, "a", map[string]any{"b": nil}}, "empty": map[string]any{},
	}}
	if got := loaded.Config.Middleware["own"].Stage; !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v; want %#v", got, want)
	}
	for _, w := range loaded.Warnings {
		if strings.HasPrefix(w.Path, "pools.") {
			t.Errorf("got %s; want nothing said of an algorithm that is not ours", w)
		}
	}
	for _, format := range []string{"yaml", "json"} {
		var printed bytes.Buffer
		if err := Write(&printed, loaded, format); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(printed.String(), "${ENV:A} x") {
			t.Errorf("%s: the reference is not printed:\n%s", format, printed.String())
		}
		again, err := loadPlanned(Options{Data: printed.Bytes(), Format: format, Environ: opts.Environ, Extensions: opts.Extensions})
		if err != nil || !reflect.DeepEqual(again.Config, loaded.Config) {
			t.Errorf("%s: got %v and another configuration; want the same:\n%s", format, err, printed.String())
		}
	}
	opts.Extensions = Extensions{}
	_, err = loadPlanned(opts)
	for _, part := range []string{"own.type: \"own\" is no type of middleware", "{tenant} is no variable", "\"mine\" is none of round_robin"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("without them: got %v; want %q", err, part)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ options, want string }{
		{"[a]", "middleware.x.options: must be a section of keys, not a list"},
		{"{a: .inf}", `middleware.x.options.a: must be a number, not ".inf"`},
		{"{a: [!!binary aGk=]}", "middleware.x.options.a[0]: must be text, a number, true or false, a list or a section, not a value of another type"},
		{`{a: "${ENV:NONE}"}`, "middleware.x.options.a: cannot resolve ${ENV:NONE}: the environment variable is not set"},
	} {
		text := stageBase + "  x: {type: own, options: " + tt.options + "}\n"
		_, err := loadPlanned(Options{Data: []byte(text), Extensions: Extensions{Stages: []string{"own"}}})
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %s", tt.options, err, tt.want)
		}
	}
}

func TestChainIsFlat(t *testing.T) {
	t.Parallel()
	c := taken(t, Options{File: "testdata/stages.good.yaml"}).Config
	for route, want := range map[string]string{
		"bare": "ids",
		"gone": "moved",
		"all": "ids safe lists cors squeeze token key limit several inflight slow refuse login ask fields path body hold longer crumbs pages away " +
			"chaos copy stay",
		"none": "ids safe",
	} {
		if got := strings.Join(c.Chain(route), " "); got != want {
			t.Errorf("%s: got %s; want %s", route, got, want)
		}
	}
	for _, link := range c.Links("all") {
		if want := []string{"base", "nested"}; link.Name == "squeeze" && !slices.Equal(link.Chains, want) {
			t.Errorf("squeeze: got chains %q; want %q", link.Chains, want)
		}
	}
}

// TestChainsOfChainsAreBounded has chains that would unfold to 2^40 looks.
func TestChainsOfChainsAreBounded(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(strings.Replace(stageBase, "middleware: [limit]", "middleware: [c0]", 1))
	for i := range 40 {
		text.WriteString("  c" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ": {type: chain, stages: [")
		for n := 1; n <= 2 && i+n < 40; n++ {
			if n > 1 {
				text.WriteString(", ")
			}
			text.WriteString("c" + string(rune('0'+(i+n)/10)) + string(rune('0'+(i+n)%10)))
		}
		text.WriteString("]}\n")
	}
	opts := Options{Data: []byte(text.String()), Set: []string{"routes.api.middleware=c00"}}
	if _, err := loadPlanned(opts); err == nil || !strings.Contains(err.Error(), "c39.stages: must not be empty") {
		t.Errorf("got %v; want only the empty chain refused", err)
	}
}

func TestBurstsAreTwiceTheRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		stage StageRateLimit
		want  []int
	}{
		{"whole", StageRateLimit{Rate: 100}, []int{200}},
		{"given", StageRateLimit{Rate: 100, Burst: 1}, []int{1}},
		{"less than one", StageRateLimit{Rate: 0.1}, []int{1}},
		{"half", StageRateLimit{Rate: 1.2}, []int{3}},
		{"huge", StageRateLimit{Rate: 1e300}, []int{1<<31 - 1}},
		{"several", StageRateLimit{Rate: 1, Limits: []RateLimit{{Rate: 5}, {Rate: 5, Burst: 2}}}, []int{10, 2}},
	} {
		var got []int
		for _, bound := range tt.stage.Bounds() {
			got = append(got, bound.Burst)
		}
		if !slices.Equal(got, tt.want) || len(tt.stage.Limits) > 0 && tt.stage.Limits[0].Burst != 0 {
			t.Errorf("%s: got %v; want %v, and the stage unchanged", tt.name, got, tt.want)
		}
	}
}

func TestFilesOfStagesAreWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "blocked.txt"), "192.0.2.0/24\n")
	write(t, filepath.Join(dir, "page.html"), "no\n")
	text := stageBase + "  x: {type: ip_filter, files: [blocked.txt]}\n  y: {type: deny, file: page.html}\n"
	loaded := taken(t, Options{Data: []byte(text), BaseDir: dir})
	blocked, page := filepath.Join(dir, "blocked.txt"), filepath.Join(dir, "page.html")
	filter, _ := loaded.Config.Middleware["x"].Stage.(*StageIPFilter)
	deny, _ := loaded.Config.Middleware["y"].Stage.(*StageDeny)
	if !slices.Equal(filter.Files, []string{blocked}) || deny.File != page {
		t.Errorf("got files %q and %q; want them in %s", filter.Files, deny.File, dir)
	}
	if !slices.Equal(loaded.Files, []string{page}) {
		t.Errorf("got %q to watch; want the page, and not what its stage reads again", loaded.Files)
	}
}

// TestStageWarnings has stages that are valid, and what is said of them.
func TestStageWarnings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, route, stages, want string }{
		{"unused", "pool: p", "a: {type: deny}", "middleware.a: warning: no route runs it"},
		{"used by a chain", "pool: p, middleware: [b]", "a: {type: request_id}, b: {type: chain, stages: [a]}", ""},
		{"behind a wall", "pool: p, middleware: [a, b]", "a: {type: deny}, b: {type: request_id}", `routes.r.middleware[1]: warning: "b" can never run: "a" answers every request before it`},
		{"behind a wall with a condition", "pool: p, middleware: [a, b]", "a: {type: deny, when: {path: /x}}, b: {type: request_id}", ""},
		{"behind a wall in a chain with a condition", "pool: p, middleware: [c, b]", "a: {type: deny}, b: {type: request_id}, c: {type: chain, stages: [a], unless: {path: /x}}", ""},
		{"behind a wall in a chain", "pool: p, middleware: [c, b]", "a: {type: deny}, b: {type: request_id}, c: {type: chain, stages: [a]}", `"b" can never run`},
		{"cors behind a wall", "pool: p, middleware: [a, b]", "a: {type: deny}, b: {type: cors, allow_origins: ['*']}", ""},
		{"redirect of all", "pool: p, middleware: [a, b]", "a: {type: redirect, to: /x}, b: {type: request_id}", `"b" can never run`},
		{"redirect by regex", "pool: p, middleware: [a, b]", "a: {type: redirect, to: /x, regex: a}, b: {type: request_id}", ""},
		{"maintenance", "pool: p, middleware: [a, b]", "a: {type: maintenance}, b: {type: request_id}", `"b" can never run`},
		{"maintenance that is off", "pool: p, middleware: [a, b]", "a: {type: maintenance, enabled: false}, b: {type: request_id}", ""},
		{"maintenance with guests", "pool: p, middleware: [a, b]", "a: {type: maintenance, allow: [10.0.0.0/8]}, b: {type: request_id}", ""},
		{"fault for all", "pool: p, middleware: [a, b]", "a: {type: fault, percent: 100, abort: 503}, b: {type: request_id}", `"b" can never run`},
		{"two compress", "pool: p, middleware: [a, b]", "a: {type: compress}, b: {type: compress}", `"b" has nothing to do beside "a"`},
		{"two compress, one with a condition", "pool: p, middleware: [a, b]", "a: {type: compress, when: {path: /x}}, b: {type: compress}", ""},
		{"prefix of another route", "path_prefix: /v1, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", `"a" can never strip /api from a path of this route, which begins with /v1`},
		{"prefix of half a segment", "path_prefix: /apix, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", "can never strip"},
		{"prefix of the route", "path_prefix: /api/v1, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"prefix below the route's", "path_prefix: /api, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api/v1}", ""},
		{"prefix of all", "path_prefix: /, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"prefix of one path", "path: /api, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"rewrite behind another", "path_prefix: /v1, pool: p, middleware: [b, a]", "a: {type: rewrite, strip_prefix: /api}, b: {type: rewrite, add_prefix: /api}", ""},
		{"nothing is forwarded", "respond: {}, middleware: [a]", "a: {type: buffer}", `"a" has no effect on a route without pool or split`},
		{"cors without origins", "pool: p, middleware: [a]", "a: {type: cors, allow_methods: [GET]}", "middleware.a.allow_methods: warning: has no effect without allow_origins"},
		{"cors of nothing", "pool: p, middleware: [a]", "a: {type: cors}", "middleware.a: warning: has no effect without allow_origins"},
		{"headers of nothing", "pool: p, middleware: [a]", "a: {type: headers}", "middleware.a: warning: changes nothing: it needs request or response"},
		{"cookies of nothing", "pool: p, middleware: [a]", "a: {type: cookies}", "changes nothing"},
		{"all off", "pool: p, middleware: [a]", "a: {type: security_headers, content_type_nosniff: false}", "changes nothing"},
		{"rewrite of nothing", "pool: p, middleware: [a]", "a: {type: rewrite}", "changes nothing"},
		{"no bandwidth", "pool: p, middleware: [a]", "a: {type: bandwidth_limit}", "limits nothing"},
		{"no harm", "pool: p, middleware: [a]", "a: {type: fault, percent: 5}", "does no harm"},
		{"type of no body", "pool: p, middleware: [a]", "a: {type: deny, content_type: text/html}", "middleware.a.content_type: warning: has no effect without body or file"},
		{"body that is not sent", "pool: p, middleware: [a]", "a: {type: deny, close: true, body: b}", "middleware.a.body: warning: has no effect beside close: true"},
		{"path of no pool", "pool: p, middleware: [a]", "a: {type: error_pages, body: b, path: /x}", "middleware.a.path: warning: has no effect without pool"},
		{"TLS in clear text", "pool: p, middleware: [a]", "a: {type: forward_auth, url: 'http://a/', tls: {}}", "middleware.a.tls: warning: has no effect on a URL that begins with http://"},
		{"refresh of a file", "pool: p, middleware: [a]", "a: {type: jwt, jwks_file: testdata/stages.good.yaml, algorithms: ES256, refresh: 1m}", "middleware.a.refresh: warning: has no effect without jwks_url"},
		{"statuses of requests", "pool: p, middleware: [a]", "a: {type: headers, request: {remove: [A]}, when_status: [200]}", "middleware.a.when_status: warning: has no effect without response"},
		{"prefix of answers", "pool: p, middleware: [a]", "a: {type: rewrite, add_prefix: /a, answers: true}", "middleware.a.answers: warning: has no effect without strip_prefix"},
		{"cargo cult", "pool: p, middleware: [a]", "a: {type: headers, request: {set: {Upgrade: '{header.Upgrade}'}}}", "middleware.a.request.set.Upgrade: warning: has no effect: the proxy writes Upgrade itself, also for WebSockets"},
		{"cookies that browsers drop", "pool: p, middleware: [a]", "a: {type: cookies, same_site: none}", "browsers drop cookies"},
		{"keys in clear text", "pool: p, middleware: [a]", "a: {type: jwt, jwks_url: 'http://id.internal/keys', algorithms: ES256}", "keys come in clear text"},
		{"said once", "pool: p, middleware: [a, c]", "a: {type: chain, stages: [b, d]}, b: {type: deny}, c: {type: request_id}, d: {type: timeout, timeout: 1s}", `"c" can never run`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "listeners: {web: {address: ':0'}}\nroutes: {r: {" + c.route + "}}\npools: {p: {backends: [{address: 'a:1'}]}}\nmiddleware: {" + c.stages + "}\n"
			loaded := taken(t, Options{Data: []byte(text)})
			if c.want == "" && len(loaded.Warnings) > 0 || c.want != "" && !strings.Contains(Problems(loaded.Warnings).Error(), c.want) {
				t.Errorf("got %v; want %q", loaded.Warnings, c.want)
			}
		})
	}
}
