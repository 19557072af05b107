package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestOriginsOfEveryLeaf(t *testing.T) {
	loaded := load(t, []string{"ISAME_POOLS__API__BACKENDS__1__WEIGHT=5", "ISAME_LOG__LEVEL=warn"}, []string{"shutdown.drain=90s"})
	var got bytes.Buffer
	if err := WriteOrigins(&got, loaded); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(got.String()) {
		cells := strings.Fields(line)
		rows[cells[0]] = []string{cells[1], strings.Join(cells[2:], " ")}
	}
	want := map[string][]string{
		"listeners.web.address":            {":8080", "isame.yaml:1:28"},
		"listeners.web.timeouts.header":    {"10s", "default"},
		"listeners.web.limits.body_bytes":  {"0", "default"},
		"routes.api.hosts[0]":              {"a.example", "isame.yaml:2:35"},
		"routes.api.retry.on[0]":           {"connect_failure", "default"},
		"pools.api.backends[0].weight":     {"1", "default"},
		"pools.api.backends[1].address":    {"10.0.0.2:80", "isame.yaml:7:19"},
		"pools.api.backends[1].weight":     {"5", "env ISAME_POOLS__API__BACKENDS__1__WEIGHT"},
		"pools.api-next.backends":          {"[]", "isame.yaml:8:14"},
		`pools."x.example".slow_start`:     {"0s", "default"},
		"log.level":                        {"warn", "env ISAME_LOG__LEVEL"},
		"shutdown.drain":                   {"90s", "flag --set shutdown.drain"},
		"admin.address":                    {"127.0.0.1:9901", "default"},
		"listeners.Admin-Net.http2":        {"true", "default"},
		"pools.api.connections.max":        {"1024", "default"},
		"routes.api.retry.backoff.initial": {"10ms", "default"},
	}
	for path, row := range want {
		if !reflect.DeepEqual(rows[path], row) {
			t.Errorf("%s: got %q; want %q", path, rows[path], row)
		}
	}
	lines := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
	column := strings.Index(lines[0], "isame.yaml")
	for _, line := range lines {
		if len(line) <= column || line[column-1] != ' ' || line[column] == ' ' {
			t.Fatalf("columns are not aligned:\n%s", got.String())
		}
	}
}

func TestWriteRefusesUnknownFormats(t *testing.T) {
	err := Write(&bytes.Buffer{}, load(t, nil, nil), "xml")
	if err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("got error %v; want xml refused", err)
	}
}

// brokenWriter fails like a closed pipe.
type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteReportsABrokenPipe(t *testing.T) {
	loaded := load(t, nil, nil)
	for _, format := range []string{"yaml", "json"} {
		if err := Write(brokenWriter{}, loaded, format); !errors.Is(err, errBroken) {
			t.Errorf("%s: got error %v; want %v", format, err, errBroken)
		}
	}
	if err := WriteOrigins(brokenWriter{}, loaded); !errors.Is(err, errBroken) {
		t.Errorf("origins: got error %v; want %v", err, errBroken)
	}
}

func TestWriteQuotesWhatOtherReadersTakeForBool(t *testing.T) {
	var text bytes.Buffer
	if err := Write(&text, load(t, nil, nil), "yaml"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`proxy_protocol: "off"`, "body_bytes: 0\n", "header_bytes: 16KiB", "hosts: [a.example]"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the output has no %q:\n%s", want, text.String())
		}
	}
}

func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	before := load(t, nil, nil)
	after := load(t, nil, []string{
		"admin.address=127.0.0.1:9902", "admin.token=hunter2", "admin.allowed_hosts=a.example,b.example", "log.format=json", "metrics.path=/prom", "metrics.enabled=false",
		"listeners.web.address=:81", "pools.api.algorithm=p2c", "routes.api.priority=3", "shutdown.drain=1s", "log.level=warn",
	})
	got := map[string]string{}
	for _, p := range KeepRestartKeys(before, after) {
		got[p.Path] = p.Message
		if want := "flag --set " + p.Path; p.Origin.String() != want {
			t.Errorf("%s: got origin %q; want %q", p.Path, p.Origin, want)
		}
	}
	want := map[string]string{
		"admin.address":   `cannot be changed by a reload: restart to go from "127.0.0.1:9901" to "127.0.0.1:9902"`,
		"log.format":      `cannot be changed by a reload: restart to go from unset to "json"`,
		"metrics.path":    `cannot be changed by a reload: restart to go from "/metrics" to "/prom"`,
		"metrics.enabled": `cannot be changed by a reload: restart to go from "true" to "false"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if same := KeepRestartKeys(before, load(t, nil, nil)); len(same) != 0 {
		t.Errorf("got %v for equal configurations; want nothing", same)
	}
	if a := after.Config.Admin; a.Address != "127.0.0.1:9901" || a.Token != "hunter2" || len(a.AllowedHosts) != 2 || after.Config.Pools["api"].Algorithm != "p2c" {
		t.Errorf("got %+v; want the running values of what needs a restart, and the new ones of the rest", a)
	}
	if at := after.Origin("admin.address"); !at.IsDefault() {
		t.Errorf("got origin %q of admin.address; want that of the value in effect", at)
	}
}

// TestListsNameKeysOfTheSchema fails when a key of the restart list is misspelt or was
// renamed.
func TestListsNameKeysOfTheSchema(t *testing.T) {
	known := map[string]bool{}
	patterns(newSchema(Extensions{}), reflect.TypeFor[Config](), "", known)
	for _, path := range restartKeys() {
		if _, ok := known[path]; !ok {
			t.Errorf("restart key %q is not in the schema", path)
		}
	}
}

// TestEveryAdminLogAndMetricsKeyIsClassified lists the keys outside of
// listeners, routes, pools and middleware that a reload applies; a new key must be
// put here or into restartKeys.
func TestEveryAdminLogAndMetricsKeyIsClassified(t *testing.T) {
	classified := map[string]bool{
		"log.level": true, "log.access.enabled": true, "log.access.file": true, "log.access.format": true,
		"log.access.fields": true, "log.access.redact": true, "log.access.rotate.size": true, "log.access.rotate.keep": true, "proxy_status": true,
		"log.access.sample": true, "log.access.slow": true, "shutdown.drain": true, "shutdown.delay": true, "shutdown.jitter": true,
		"admin.token": true, "admin.allowed_hosts": true, "admin.tokens": true, "admin.tokens[*].name": true, "admin.tokens[*].role": true, "admin.tokens[*].secret": true,
		"admin.tls.cert_file": true, "admin.tls.key_file": true, "admin.tls.client_ca_file": true,
		"admin.persist": true, "admin.file_roots": true, "admin.env_names": true, "admin.dashboard": true,
		"include": true, "zone": true, "defaults.middleware": true, "defaults.timeout": true, "tracing.enabled": true, "tracing.endpoint": true, "tracing.protocol": true, "tracing.sample": true, "tracing.service_name": true,
		"metrics.otlp.enabled": true, "metrics.otlp.endpoint": true, "metrics.otlp.protocol": true, "metrics.otlp.interval": true, "metrics.otlp.service_name": true, "metrics.otlp.histograms": true,
		"headroom.target_p99": true, "recorder.enabled": true, "recorder.records": true, "recorder.keep_errors": true, "recorder.keep_slow": true,
	}
	for _, path := range restartKeys() {
		classified[path] = true
	}
	for _, key := range []string{
		"retry.attempts", "retry.on", "retry.methods", "retry.idempotency_key", "retry.per_try_timeout", "retry.backoff.initial",
		"retry.backoff.max", "retry.backoff.factor", "retry.backoff.jitter", "retry.budget.percent", "retry.budget.min_per_second",
		"timeouts.connect", "timeouts.read", "timeouts.write", "timeouts.tunnel",
	} {
		classified["defaults."+key] = true
	}
	known := map[string]bool{}
	patterns(newSchema(Extensions{}), reflect.TypeFor[Config](), "", known)
	for path, isLeaf := range known {
		top, _, _ := strings.Cut(path, ".")
		if classified[top] { // a section that needs a restart as a whole
			continue
		}
		if isLeaf && top != "listeners" && top != "routes" && top != "pools" && top != "middleware" && !classified[path] {
			t.Errorf("%s is neither applied by a reload nor needs a restart", path)
		}
	}
}

// patterns lists every key of the schema; the value says whether it is a leaf.
func patterns(s *schema, typ reflect.Type, pattern string, known map[string]bool) {
	for _, f := range s.fields(typ) {
		key := strings.TrimPrefix(pattern+"."+f.key, ".")
		inner := f.typ
		known[key] = shapeOf(inner) != shapeSection
		switch shapeOf(inner) {
		case shapeNames:
			inner, key = inner.Elem(), key+".*"
		case shapeList:
			inner, key = inner.Elem(), key+"[*]"
		default:
		}
		if shapeOf(inner) == shapeSection {
			known[key] = false
			patterns(s, section(inner), key, known)
		}
	}
}

// TestDefaultsAreValid decodes an empty section of every type, so that a
// default that does not fit its type or bounds is found here.
func TestDefaultsAreValid(t *testing.T) {
	text := `
listeners: {web: {address: ":1"}}
routes: {r: {pool: p, retry: {}}}
pools: {p: {backends: [{address: "h:1"}], health_check: {}, circuit_breaker: {}}}
`
	loaded, err := Load(Options{Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	s := newSchema(Extensions{})
	v := &visitor{schema: s}
	v.visit = func(st step) bool {
		if shapeOf(st.v.Type()) == shapeScalar && st.field.def != "" && shapeOf(st.field.typ) == shapeScalar {
			if got := formatScalar(st.v); got != st.field.def {
				t.Errorf("%s: default %q prints as %q; write it so in the tag", st.path, st.field.def, got)
			}
			if message := st.field.check(st.v); message != "" {
				t.Errorf("%s: default: %s", st.path, message)
			}
		}
		return true
	}
	v.section(reflect.ValueOf(loaded.Config).Elem(), "", "")
}
