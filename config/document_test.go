package config

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hashKey is the key of every hash in tests.
var hashKey = []byte("key of the tests")

// secretsText has a literal secret at each kind of place.
const secretsText = `
listeners:
  web:
    address: ":443"
    tls:
      acme:
        - {hosts: [a.example, "*.b.example"], eab: {key_id: k, hmac_key: c2VjcmV0}, dns: {provider: cloudflare, token: cloudflare-token}}
        - {hosts: ["*.c.example"], directory: "https://acme.example/dir", dns: {provider: route53, access_key: AK, secret_key: aws-secret}}
  one: {address: ":444", tls: {acme: {hosts: ["*.d.example"], dns: {provider: rfc2136, server: "10.0.0.53:53", key_name: k.example, key_secret: c2VjcmV0}}}}
routes:
  api: {headers: {X-API-Key: header-secret, X-Env: shown}, query: {access_token: query-secret}, not: [{headers: {Authorization: {regex: regex-secret}}}, {path: /x}], pool: api}
  say: {path: /say, respond: {body: "***", headers: {Set-Cookie: cookie-secret, X-Id: "{request_id}"}}}
pools:
  api:
    backends: [{address: "10.0.0.1:80"}]
    sticky: {secret: sticky-secret-0123456789}
    health_check: {headers: {authorization: "Bearer health-secret", X-Probe: "1"}}
middleware:
  login: {type: basic_auth, users: ["alice:$2y$05$3/RHqkpZ0fdTlbrWnXexu.4w3XQ2ufG2iZOC4vcI8HcHS0JReNJUy", "bob:$5$salt$hash-of-bob", "${ENV:CAROL}"]}
  keys: {type: api_key, keys: [{name: billing, sha256: abababababababababababababababababababababababababababababababab}, {name: other, sha256: "${ENV:OTHER}"}, {name: billing, sha256: b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9}]}
  limit: {type: rate_limit, store: {redis: {address: "redis:6379", password: redis-secret}}}
  fields: {type: headers, request: {set: {Authorization: "Basic field-secret", X-Auth-Token: "{header.X-Token}", Cookie: ""}}, response: {add: {Set-Cookie: "a=answer-secret"}}}
admin: {token: admin-secret}
`

// parsed is ParseDocument that fails the test on problems.
func parsed(t testing.TB, text, format string) *Document {
	t.Helper()
	d, err := ParseDocument([]byte(text), format, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// encoded is Encode that fails the test on errors.
func encoded(t testing.TB, d *Document, format string, masked bool) string {
	t.Helper()
	text, err := d.Encode(format, masked)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// corpus are the configurations of the repository, as far as nothing in them is unknown,
// by file.
func corpus(t testing.TB) map[string]*Document {
	t.Helper()
	files := []string{"default.yaml", "starter.yaml"}
	for _, pattern := range []string{"testdata/*.good.*", "testdata/*.bad.*", "../scripts/examples/isame-*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing matches %q: %v", pattern, err)
		}
		files = append(files, found...)
	}
	docs := map[string]*Document{"secrets": parsed(t, secretsText, formatYAML)}
	for _, file := range files {
		if filepath.Ext(file) == ".want" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		format, _ := formatOf(file)
		d, err := ParseDocument(text, format, file)
		if err == nil {
			docs[file] = d
		} else if !strings.Contains(file, ".bad.") {
			t.Errorf("%s is refused: %v", file, err)
		}
	}
	if len(docs) < 100 {
		t.Fatalf("got %d documents; want most of testdata", len(docs))
	}
	return docs
}

// What is written is read as the same, in both formats, and written the same again.
func TestDocumentIsAFixpoint(t *testing.T) {
	t.Parallel()
	for name, d := range corpus(t) {
		asYAML := encoded(t, d, formatYAML, false)
		for _, format := range []string{formatYAML, formatJSON} {
			text := encoded(t, d, format, false)
			again := parsed(t, text, format)
			if got := encoded(t, again, format, false); got != text {
				t.Errorf("%s: %s is written again as\n%s\nwant\n%s", name, format, got, text)
			}
			if got := encoded(t, again, formatYAML, false); got != asYAML {
				t.Errorf("%s: %s becomes the YAML\n%s\nwant\n%s", name, format, got, asYAML)
			}
			if got, want := again.Hash(hashKey), d.Hash(hashKey); got != want {
				t.Errorf("%s: %s has the hash %s; want %s", name, format, got, want)
			}
			if changes := Diff(d, again, hashKey); changes != nil {
				t.Errorf("%s: %s differs: %v", name, format, changes)
			}
		}
	}
}

// What a configuration was loaded from loads to the same, also when it was written and read
// in between.
func TestDocumentOfLoadedLoadsToTheSame(t *testing.T) {
	t.Parallel()
	for _, file := range fixtures(t, "*.good.*") {
		loaded := taken(t, Options{File: file, Environ: fixtureEnviron()})
		d := loaded.Document()
		if d == nil {
			t.Fatalf("%s: got no document", file)
		}
		sent := []*Document{d}
		for _, format := range []string{formatYAML, formatJSON} {
			sent = append(sent, parsed(t, encoded(t, d, format, false), format))
		}
		for i, d := range sent {
			again := taken(t, Options{File: file, Document: d, Environ: fixtureEnviron()})
			if !reflect.DeepEqual(again.Config, loaded.Config) {
				t.Errorf("%s (%d): got\n%#v\nwant\n%#v", file, i, again.Config, loaded.Config)
			}
			if again.Document() != d {
				t.Errorf("%s (%d): is loaded from another document than it says", file, i)
			}
			if slices.Contains(again.Files, file) {
				t.Errorf("%s (%d): got files %q; want none that was not read", file, i, again.Files)
			}
		}
	}
	if d := taken(t, Options{Environ: []string{"ISAME_LISTENERS__WEB__ADDRESS=:80"}}).Document(); d != nil {
		t.Errorf("without a file: got %v; want nil", d)
	}
}

func TestDocumentHoldsIncludedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	main := filepath.Join(dir, "isame.yaml")
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, main, "include: conf.d/*.yaml\n.x: {secret: anchor-secret}\n"+base)
	write(t, filepath.Join(dir, "conf.d", "more.yaml"), "x-y: [1]\nroutes: {more: {path: /more, pool: api}}\n")
	loaded := taken(t, Options{File: main, Environ: []string{"ISAME_LOG__LEVEL=debug"}, Set: []string{"shutdown.drain=1s"}})
	text := encoded(t, loaded.Document(), formatYAML, false)
	for what, want := range map[string]bool{"  more:\n": true, "include": false, "anchor-secret": false, "x-y": false, "debug": false, "drain": false} {
		if got := strings.Contains(text, what); got != want {
			t.Errorf("%q: got %v; want %v in\n%s", what, got, want, text)
		}
	}
	again := taken(t, Options{File: main, Document: parsed(t, text, formatYAML), Environ: []string{"ISAME_LOG__LEVEL=debug"}, Set: []string{"shutdown.drain=1s"}})
	if !reflect.DeepEqual(again.Config, loaded.Config) {
		t.Errorf("got\n%#v\nwant\n%#v", again.Config, loaded.Config)
	}
}

func TestDocumentIsInTheOrderOfTheSchema(t *testing.T) {
	t.Parallel()
	d := parsed(t, `{"pools":{"b":{"backends":[{"weight":2,"address":"b:1"}],"algorithm":"p2c"},"a":{"backends":[]}},
		"middleware":{"m":{"burst":3,"rate":0.50,"when":{"path":"/x"},"type":"rate_limit"},"own":{"b":1,"options":{"z":null,"a":[{"d":1,"c":2}]},"a":2,"type":"mine"}},
		"listeners":{"web":{"address":":80"}}}`, formatJSON)
	want := `listeners:
  web:
    address: :80
pools:
  a:
    backends: []
  b:
    algorithm: p2c
    backends:
      - address: b:1
        weight: 2
middleware:
  m:
    type: rate_limit
    when:
      path: /x
    rate: 0.50
    burst: 3
  own:
    type: mine
    options:
      a:
        - c: 2
          d: 1
      z: null
    a: 2
    b: 1
`
	if got := encoded(t, d, formatYAML, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatNoDocumentMayHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, format, text string
		want               []string
	}{
		{"null", formatJSON, `{"routes": null, "pools": {"p": null, "q": {"backends": [null], "zone": null}}}`, []string{
			"input:1:2: routes: is null", "input:1:28: pools.p: is null", "pools.q.backends[0]: is null", `pools.q.zone: unknown key`,
		}},
		{"null in YAML", formatYAML, "log: null\nroutes: {a: ~}\nzone:\npools: {p: {health_check: , backends: , hash_on: }}\n", []string{
			"input:1:1: log: is null", "routes.a: is null", "zone: is null", "pools.p.health_check: is null", "pools.p.backends: is null", "pools.p.hash_on: is null",
		}},
		{"unknown", formatJSON, `{"route": {}, "pools": {"a b": {"balance": 1}}, "middleware": {"m": {"type": "deny", "rate": 1}}}`, []string{
			`route: unknown key (did you mean "routes"?)`, `pools."a b".balance: unknown key (did you mean "algorithm"?)`,
			"middleware.m.rate: is no key of deny but of rate_limit",
		}},
		{"twice", formatJSON, `{"log": {}, "log": {}}`, []string{`log: key "log" is given twice`}},
		{"include", formatYAML, "include: [a.yaml]\n", []string{"include: can stand in a file only"}},
		{"number", formatYAML, "pools: {p: {panic_threshold: .inf}}\n", []string{`pools.p.panic_threshold: must be a number, not ".inf"`}},
		{"hexadecimal", formatYAML, "routes: {a: {priority: 0x10}}\n", []string{`routes.a.priority: must be a number, not "0x10"`}},
		{"large number", formatJSON, `{"shutdown": {"drain": 1e999}}`, []string{`must be a number, not "1e999"`}},
		{"binary", formatYAML, "zone: !!binary aGk=\n", []string{"zone: must be text, a number"}},
		{"list", formatJSON, `[]`, []string{"must be a section of keys, not a list"}},
		{"nothing", formatJSON, ``, []string{"the configuration is empty"}},
		{"syntax", formatJSON, `{"a"`, []string{"cannot be read as JSON"}},
		{"format", "xml", `{}`, []string{`the format "xml" is none of`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseDocument([]byte(tt.text), tt.format, "")
			problems, ok := err.(Problems) //nolint:errorlint // the promise is the type itself
			if !ok {
				t.Fatalf("got %T %v; want Problems", err, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(problems.Error(), want) {
					t.Errorf("got\n%v\nwant %q", problems, want)
				}
			}
			if len(problems) != len(tt.want) {
				t.Errorf("got %d problems; want %d:\n%v", len(problems), len(tt.want), problems)
			}
		})
	}
	parsed(t, "log:\nroutes: {a: }\npools:\n  p:\n", formatYAML)
	parsed(t, "zone: a\n.x: {y: null}\nx-y:\nmiddleware: {m: {type: mine, options: {a: null}, other: 1}}\n", formatYAML)
}

func TestPartsOfDocuments(t *testing.T) {
	t.Parallel()
	d := parsed(t, base+"middleware: {own: {type: deny, status: 404}}\n", formatYAML)
	if got := d.Names("pools"); !slices.Equal(got, []string{"api", "api-next", "x.example"}) {
		t.Errorf("got pools %q", got)
	}
	if d.Names("log") != nil || d.Names("none") != nil {
		t.Error("sections without names have some")
	}
	if _, found := d.At("pools", "none"); found {
		t.Error("found what is not there")
	}
	part, err := ParsePart([]byte(`{"backends": [{"address": "10.9.9.9:80"}], "algorithm": "random"}`), formatJSON, "pools", "api")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := d.With(part, "pools", "api")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := changed.At("pools", "api"); got.Hash(hashKey) != part.Hash(hashKey) || got.Hash(hashKey) == d.Hash(hashKey) {
		t.Error("the part is not what was put")
	}
	if _, found := d.At("pools", "api", "algorithm"); found {
		t.Error("the document itself has changed")
	}
	added, err := changed.With(part, "pools", "a-new")
	if err != nil || !slices.Equal(added.Names("pools"), []string{"a-new", "api", "api-next", "x.example"}) {
		t.Errorf("got %v, pools %q", err, added.Names("pools"))
	}
	if _, err := d.With(part, "routes", "api"); err == nil {
		t.Error("a pool was taken for a route")
	}
	removed, found := added.Without("pools", "a-new")
	if !found || removed.Hash(hashKey) != changed.Hash(hashKey) {
		t.Error("what was added and removed leaves something")
	}
	none, found := d.Without("middleware", "own")
	if _, left := none.At("middleware"); !found || left {
		t.Error("the last of a section is gone, and the section not")
	}
	if same, found := d.Without("routes", "none"); found || same != d {
		t.Error("removed what is not there")
	}
	shutdown, err := ParsePart([]byte("drain: 3s\n"), formatYAML, "shutdown")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := parsed(t, "zone: a\n", formatYAML).With(shutdown, "shutdown")
	if got := encoded(t, first, formatYAML, false); got != "zone: a\nshutdown:\n  drain: 3s\n" {
		t.Errorf("got\n%s", got)
	}
	config := taken(t, Options{Document: removed}).Config
	if got := config.Pools["api"]; got.Algorithm != "random" || got.Backends[0].Address != "10.9.9.9:80" || len(config.Pools) != 3 {
		t.Errorf("got %+v", got)
	}
	if _, err := Load(Options{Document: part}); err == nil || !strings.Contains(err.Error(), "pools.api: is only a part") {
		t.Errorf("got %v; want a part refused", err)
	}
}

func TestProblemsOfPartsHaveThePathOfTheWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path       []string
		text, want string
	}{
		{[]string{"pools", "a.b"}, `{"backends": [{"adresse": "x"}]}`, `input:1:16: pools."a.b".backends[0].adresse: unknown key`},
		{[]string{"pools", "p"}, `{"backends": [], "backends": []}`, `pools.p.backends: key "backends" is given twice`},
		{[]string{"pools", "p"}, `{"backends": [}`, "pools.p: cannot be read as JSON"},
		{[]string{"pools", "p"}, `5`, "pools.p: must be a section of keys, not a number"},
		{[]string{"pools", "p"}, `null`, "pools.p: must be a section of keys, not nothing"},
		{[]string{"routes"}, `{"r": {"pool": null}}`, "routes.r.pool: is null"},
		{[]string{"log"}, `{"levels": "info"}`, "log.levels: unknown key"},
		{[]string{"rotues"}, `{}`, `rotues: there is no such section (did you mean "routes"?)`},
		{[]string{"zone"}, `{}`, "zone: is one value"},
		{[]string{"routes", "a", "b"}, `{}`, "routes.a.b: there is no such section"},
	} {
		_, err := ParsePart([]byte(tt.text), formatJSON, tt.path...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %q: got %v; want %q", tt.text, tt.path, err, tt.want)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	d := parsed(t, `
listeners: {web: {address: ":${ENV:PORT:-80}", tls: {certificates: [{cert_file: a.pem, key_file: "${ENV:DIR}/a.key"}], acme: {hosts: ["*.a.example"], dns: {provider: exec, exec: [/bin/dns, --ttl, "60"]}}}}}
routes: {a: {files: {root: /srv/app}}, b: {respond: {body: "$${ENV:NOT} ${FILE:/etc/motd} a.pem"}}}
middleware: {i: {type: ip_filter, files: [one, two]}, j: {type: mine, options: {x: ["${ENV:OWN}"], file: nothing}}}
admin: {token: "${FILE:token}"}
`, formatYAML)
	env, files := d.References()
	if want := []string{"DIR", "OWN", "PORT"}; !slices.Equal(env, want) {
		t.Errorf("got variables %q; want %q", env, want)
	}
	want := []string{"--ttl", "/${}/${ENV:DIR}/a.key", "/bin/dns", "/etc/motd", "/srv/app", "60", "a.pem", "one", "token", "two"}
	if !slices.Equal(files, want) {
		t.Errorf("got files %q; want %q", files, want)
	}
}

// Every key that the checker takes for the name of an object has to say so in its tags, or
// who refers to what is not known.
func TestNamesOfObjectsAreMarked(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked, marked := 0, 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checked += strings.Count(string(text), "referTo(c, ")
		marked += strings.Count(string(text), ` refers:"`)
	}
	checked++
	if checked != marked { // skip names what is in a list
		t.Errorf("the checker looks up %d names; want each of the %d keys marked refers", checked, marked)
	}
}

// Maps of header fields and parameters hold secrets, but for those that are listed.
func TestFieldsThatMayBeSecretsAreMarked(t *testing.T) {
	t.Parallel()
	innocent := []string{
		"ClientAuth.headers", "StageJWT.headers", // what to tell, not values
		"StageCookies.set",        // for the client to see
		"StageCount.labels",       // for whoever scrapes to see
		"HealthCheck.expect_json", // members of an answer
	}
	s := newSchema(Extensions{})
	seen := map[reflect.Type]bool{}
	var look func(typ reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for _, f := range s.fields(typ) {
			isMap := f.typ == reflect.TypeFor[map[string]string]() || f.typ == reflect.TypeFor[map[string]Match]()
			if name := typ.Name() + "." + f.key; isMap && f.secrets == slices.Contains(innocent, name) {
				t.Errorf("%s: got secrets %v; want the other, or a change of the list here", name, f.secrets)
			}
			look(f.typ)
		}
	}
	look(reflect.TypeFor[Config]())
	for _, stage := range StageTypes() {
		look(StageType(stage))
	}
}

// Several goroutines may do everything with one document at a time.
func TestDocumentIsShared(t *testing.T) {
	t.Parallel()
	d := parsed(t, secretsText, formatYAML)
	original := []byte(secretsText)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := Load(Options{Document: d, Environ: []string{"CAROL=carol:$5$salt$x", "OTHER=" + strings.Repeat("cd", 32), "ISAME_ROUTES__API__PRIORITY=3"}}); err != nil {
				t.Error(err)
			}
			patched, err := d.MergePatch([]byte(`{"routes": {"api": {"headers": {"X-Env": {"regex": "a"}}}}}`))
			if err != nil || len(Diff(d, patched, hashKey)) != 2 || d.Hash(hashKey) == patched.Hash(hashKey) {
				t.Errorf("got %v, %v; want is removed and regex added", err, Diff(d, patched, hashKey))
			}
			if _, err := d.Rewrite(original); err != nil {
				t.Error(err)
			}
			if _, err := d.Unmask(patched); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// shuffled is a tree with its entries in another order.
func shuffled(n *node, r *rand.Rand) *node {
	c := n.clone()
	var shuffle func(n *node)
	shuffle = func(n *node) {
		r.Shuffle(len(n.entries), func(i, j int) { n.entries[i], n.entries[j] = n.entries[j], n.entries[i] })
		for _, e := range n.entries {
			shuffle(e.value)
		}
		for _, item := range n.items {
			shuffle(item)
		}
	}
	shuffle(c)
	return c
}

func TestOrderOfKeysSaysNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	docs := corpus(t)
	for _, name := range sortedNames(docs) {
		d := docs[name]
		text, err := encodeJSON(shuffled(d.root, r))
		if err != nil {
			t.Fatal(err)
		}
		again := parsed(t, string(text), formatJSON)
		if again.Hash(hashKey) != d.Hash(hashKey) || !bytes.Equal([]byte(encoded(t, again, formatYAML, true)), []byte(encoded(t, d, formatYAML, true))) {
			t.Errorf("%s: another order makes another document", name)
		}
	}
}
