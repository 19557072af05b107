package cmd

import (
	"context"
	"io"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/engine/observe"
)

// schemaKeys lists every key that holds a value, as a pattern such as
// pools.*.backends[*].weight, with its field.
func schemaKeys() map[string]reflect.StructField {
	keys := map[string]reflect.StructField{}
	collectKeys(reflect.TypeFor[config.Config](), "", keys)
	collectStages(keys)
	return keys
}

func collectKeys(t reflect.Type, pattern string, keys map[string]reflect.StructField) {
	for field := range t.Fields() {
		if field.Anonymous {
			collectKeys(field.Type, pattern, keys)
			continue
		}
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		path, inner := strings.TrimPrefix(pattern+"."+name, "."), field.Type
		switch {
		case isOneValue(inner, path):
			keys[path] = field
			continue
		case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct:
			path, inner = path+".*", inner.Elem()
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			if path == "middleware.*.when" {
				keys[path] = field
			}
			path, inner = path+"[*]", inner.Elem()
		case inner.Kind() == reflect.Pointer:
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			collectKeys(inner, path, keys)
		} else {
			keys[path] = field
		}
	}
}

// isOneValue reports a section that is taken as one key: what a header field must be
// like, and the predicates of a condition but for those of middleware.*.when, which
// stand for all.
func isOneValue(t reflect.Type, path string) bool {
	switch t {
	case reflect.TypeFor[map[string]config.Match](), reflect.TypeFor[[]config.Predicates]():
		return true
	case reflect.TypeFor[[]config.Condition]():
		return path != "middleware.*.when"
	default:
		return false
	}
}

// collectStages adds the keys of each type of middleware, as middleware.*:TYPE.KEY.
func collectStages(keys map[string]reflect.StructField) {
	for _, name := range config.StageTypes() {
		collectKeys(config.StageType(name), "middleware.*:"+name, keys)
	}
}

// TestEveryKeyHasABehaviour fails for a key of the schema that no entry of
// behaviours names, and for an entry whose test is not there.
func TestEveryKeyHasABehaviour(t *testing.T) {
	tests := testFunctions(t)
	keys := schemaKeys()
	for key := range keys {
		if behaviourOf(key) == "" {
			t.Errorf("%s: no test says what changes with it: write one, and name it in behaviours", key)
		}
	}
	for key := range keys {
		if test := behaviourOf(key); strings.HasPrefix(key, "middleware.*:") {
			name := key[strings.LastIndexAny(key, ".:")+1:]
			if !strings.Contains(tests[test], name) {
				t.Errorf("%s: the file of %s does not speak of %s", key, test, name)
			}
		}
	}
	for key, test := range behaviours {
		body, ok := tests[test]
		if strings.HasPrefix(key, "middleware.*:") {
			if !ok {
				t.Errorf("%s: there is no test %s", key, test)
			}
			continue
		}
		field, known := keys[key]
		name := key[strings.LastIndex(key, ".")+1:]
		switch {
		case !known:
			t.Errorf("%s is not in the schema", key)
		case !ok:
			t.Errorf("%s: there is no test %s", key, test)
		case !strings.Contains(body, name) && !strings.Contains(body, field.Name):
			t.Errorf("%s: the file of %s speaks neither of %s nor of %s", key, test, name, field.Name)
		}
	}
}

// behaviourOf is the test that shows what changes with a key. A key of a stage that has
// none of its own has that of its section, or of its stage.
func behaviourOf(key string) string {
	test := behaviours[key]
	for test == "" && strings.HasPrefix(key, "middleware.*:") {
		i := strings.LastIndex(key, ".")
		if i < len("middleware.*") {
			break
		}
		key = key[:i]
		test = behaviours[key]
	}
	return test
}

// testFunctions maps each test of the project, as folder.TestName, to the text of its file.
func testFunctions(t *testing.T) map[string]string {
	t.Helper()
	tests := map[string]string{}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		text := string(read(t, path))
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ := strings.Cut(rest, "(")
				tests[filepath.Dir(path)+".Test"+name] = text
			}
		}
	}
	return tests
}

// TestEveryKeyChangesWhatRuns changes each key of listeners, routes and pools by
// itself, and asks for a difference in what the engine has compiled: a key that is
// checked and then read by nobody fails here. What the engine never reads is in
// notCompiled, with the behaviours that show its effect.
func TestEveryKeyChangesWhatRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePairs(t, dir, "a", "b")
	writeLists(t, dir)
	bases := map[string]*agreement{} // by what is set on both sides
	for _, key := range slices.Sorted(maps.Keys(schemaKeys())) {
		if notCompiled[key] {
			continue
		}
		c := changeOf(t, key)
		before := strings.Join(c.before, "\n")
		if bases[before] == nil {
			bases[before] = agree(compiled(t, dir, c.before), compiled(t, dir, c.before), compiled(t, dir, c.before))
		}
		base := bases[before]
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			found := base.differences(compiled(t, dir, append(slices.Clone(c.before), c.after...)))
			if len(found) == 0 {
				t.Errorf("%q changes nothing that runs", c.after)
			}
			t.Logf("%q: %q", c.after, found[:min(len(found), 3)])
		})
	}
}

func loadSchemaBase(dir string, set []string) (*config.Loaded, error) {
	return config.Load(config.Options{Data: []byte(schemaBase), File: "base.yaml", BaseDir: dir, Set: set})
}

// nowhere takes access lines.
type nowhere struct{}

func (nowhere) Lane(int) io.Writer { return io.Discard }

func openNowhere(*config.AccessLog) (engine.AccessOut, error) { return nowhere{}, nil }

// compiled is what an engine has made of a configuration, after it was stopped:
// nothing changes any more then.
func compiled(t *testing.T, dir string, set []string) observation {
	t.Helper()
	loaded, err := loadSchemaBase(dir, set)
	if err != nil {
		t.Fatalf("%q: %v", set, err)
	}
	e, err := engine.New(engine.Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(1), Shards: 1, Access: openNowhere})
	if err != nil {
		t.Fatal(err)
	}
	applied := e.Apply(loaded.Config)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if applied == nil {
		bound := e.Listeners()
		e.Shutdown(ctx)
		found := reach(e)
		for _, l := range bound {
			host, _, _ := net.SplitHostPort(l.Bound)
			found["bound "+l.Name] = host
		}
		return found
	}
	e.Shutdown(ctx)
	t.Fatalf("%q: %v", set, applied)
	return nil
}
