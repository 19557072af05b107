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
			if _, err := Load(opts); err == nil || err.Error() != tt.want {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
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

// TestProblemsOfStagesShowNoSecret gives each text of each type a value of the environment
// that is wrong nearly everywhere.
func TestProblemsOfStagesShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"hunt [*er2\n{x", "hunter2{", "$9hunter2 /", "/hunter2"} {
		for _, stage := range StageTypes() {
			for _, f := range newSchema(Extensions{}).fields(StageType(stage)) {
				value := map[shape]string{
					shapeScalar: `"${ENV:SECRET}"`, shapeList: `["${ENV:SECRET}"]`, shapeNames: `{X: "${ENV:SECRET}"}`,
				}[shapeOf(f.typ)]
				if value == "" {
					continue
				}
				text := strings.Replace(stageBase, "[limit]", "[limit, x]", 1) + "  x: {type: " + stage + ", " + f.key + ": " + value + "}\n"
				problems := &problemList{}
				said := read(&Options{Data: []byte(text), Environ: []string{"SECRET=" + secret}}, problems).Warnings.Error()
				if err := problems.err(); err != nil {
					said += err.Error()
				}
				if strings.Contains(said, "hunt") {
					t.Errorf("%s.%s: the secret is shown: %s", stage, f.key, said)
				}
			}
		}
	}
}
