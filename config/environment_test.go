package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// defaultsText has references with defaults in values of each type.
const defaultsText = `
listeners:
  web:
    address: ${ENV:BIND:-127.0.0.1}:${ENV:PORT:-8080}
    http2: ${ENV:HTTP2:-false}
    timeouts: {idle: "${ENV:IDLE:-5s}"}
    limits: {body_bytes: "${ENV:BODY:-10MiB}"}
    trusted_proxies: ${ENV:PROXIES:-10.0.0.0/8, fd00::/8}
routes:
  api: {pool: p, hosts: "${ENV:HOSTS:-[a.example, b.example]}", retry: {on: "${ENV:ON:-503}"}, methods: "${ENV:METHODS:-}"}
  say: {path: /say, respond: {body: "at ${ENV:SITE:-home}, $${ENV:X:-y}"}}
pools:
  p: {backends: [{address: "10.0.0.1:80", weight: "${ENV:WEIGHT:-3}"}]}
`

func TestReferencesWithDefaults(t *testing.T) {
	loaded := taken(t, Options{Data: []byte(defaultsText), Environ: []string{"PORT=9090", "IDLE=", "ON=502,504", "SITE=work"}})
	c := loaded.Config
	web, api := c.Listeners["web"], c.Routes["api"]
	for what, pair := range map[string][2]any{
		"unset within text, set beside it": {web.Address, "127.0.0.1:9090"},
		"true or false":                    {web.HTTP2, false},
		"empty takes the default":          {web.Timeouts.Idle, 5 * time.Second},
		"size":                             {web.Limits.BodyBytes, Size(10 << 20)},
		"list by commas":                   {web.TrustedProxies, []string{"10.0.0.0/8", "fd00::/8"}},
		"list in brackets":                 {api.Hosts, []string{"a.example", "b.example"}},
		"list that is set":                 {api.Retry.On, []string{"502", "504"}},
		"empty list":                       {len(api.Methods), 0},
		"whole number":                     {c.Pools["p"].Backends[0].Weight, 3},
		"escaped":                          {c.Routes["say"].Respond.Body, "at work, ${ENV:X:-y}"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %v; want %v", what, pair[0], pair[1])
		}
	}
	var text bytes.Buffer
	if err := Write(&text, loaded, "yaml"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"127.0.0.1:9090", "at work, $${ENV:X:-y}", "[a.example, b.example]"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("a value with a default is not shown: no %q in\n%s", want, text.String())
		}
	}
	for _, format := range []string{"yaml", "json"} {
		roundTrip(t, loaded, format, nil)
	}
}

// A secret stays one: beside a reference with a default, and as the value of a secret key.
func TestDefaultsShowNoSecret(t *testing.T) {
	loaded := taken(t, Options{Data: []byte(`
listeners: {web: {address: ":80"}}
routes: {say: {respond: {body: "${ENV:A:-shown} ${ENV:KEY}"}}}
admin: {token: "${ENV:TOKEN:-0123456789abcdef}"}
`), Environ: []string{"KEY=hunter2"}})
	var text bytes.Buffer
	if err := Write(&text, loaded, "yaml"); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); strings.Contains(got, "hunter2") || strings.Contains(got, "0123456789") || !strings.Contains(got, "${ENV:A:-shown} ${ENV:KEY}") {
		t.Errorf("got\n%s", got)
	}
}

func TestReferencesWithBadDefaults(t *testing.T) {
	for _, c := range []struct{ name, set, want string }{
		{"wrong type", "pools.p.backends[0].weight=${ENV:X:-many}", `must be a whole number, not "many"`},
		{"wrong value", "pools.p.backends[0].weight=${ENV:BAD:-3}", `must be a whole number, not "lots"`},
		{"nested", "routes.say.respond.body=${ENV:X:-${ENV:Y}}", "a default cannot hold another reference"},
		{"no file", "routes.say.respond.body=${FILE:/nowhere:-x}", "cannot resolve ${FILE:/nowhere:-x}"},
		{"a dash alone is part of the name", "routes.say.respond.body=${ENV:X-y}", "the environment variable is not set"},
		{"bad list", `listeners.web.trusted_proxies=["${ENV:X:-everyone}"]`, `"everyone" is neither an address`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(Options{Data: []byte(defaultsText), Set: []string{c.set}, Environ: []string{"BAD=lots"}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}

// FuzzExpand: what is shown without a reference loads to the same again.
func FuzzExpand(f *testing.F) {
	for _, text := range []string{"${ENV:A:-b}", "$${ENV:A:-b}", "$$${ENV:A}", "a${ENV:A:-${ENV:B}}", "${ENV::-}", "${ENV:A:-b", "${FILE:x:-y}"} {
		f.Add(text, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		r := &references{environ: map[string]string{"A": value}, baseDir: t.TempDir()}
		got, secret, err := r.expand(text)
		if secret || err != nil {
			return
		}
		if again, secret, err := r.expand(escape(got)); again != got || secret || err != nil {
			t.Errorf("%q with A=%q: %q is read as %q, %v, %v", text, value, got, again, secret, err)
		}
	})
}
