package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretIsMaskedByEveryPrinter(t *testing.T) {
	type holder struct {
		Token Secret `json:"token" yaml:"token"`
	}
	h := holder{"hunter2"}
	printed := map[string]string{
		"%v": fmt.Sprintf("%v", h), "%+v": fmt.Sprintf("%+v", h), "%#v": fmt.Sprintf("%#v", h),
		"%s": fmt.Sprintf("%s", h), "%q": fmt.Sprintf("%q", h.Token), "%v of config": fmt.Sprintf("%v", Config{Admin: Admin{Token: "hunter2"}}),
	}
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"], printed["yaml"] = string(asJSON), string(asYAML)
	for name, text := range printed {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, mask) {
			t.Errorf("%s: got %s; want it masked", name, text)
		}
	}
	if got := Secret("").String(); got != "" {
		t.Errorf("got %q for no secret; want nothing", got)
	}
}

// secretText is a configuration with secrets of each kind in it.
const secretText = `listeners: {web: {address: ":8080"}}
routes:
  api:
    pool: api
    headers: {X-Key: "${ENV:KEY}"}
  hello: {path: /hello, respond: {body: "key ${ENV:KEY} of $${ENV:KEY} and ${FILE:token} for ${host} $$"}}
pools: {api: {backends: [{address: "${ENV:HOST}:80", weight: "${ENV:WEIGHT}"}]}}
admin: {token: "literal-secret"}
`

func secretOptions(t *testing.T) Options {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "file-secret\r\n")
	return Options{
		Data: []byte(secretText), Environ: []string{"KEY=env-secret", "HOST=secret.internal", "WEIGHT=7"}, BaseDir: dir,
	}
}

func TestReferencesResolve(t *testing.T) {
	loaded, err := Load(secretOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	if got, want := c.Routes["hello"].Respond.Body, "key env-secret of ${ENV:KEY} and file-secret for ${host} $$"; got != want {
		t.Errorf("got body %q; want %q", got, want)
	}
	if got := c.Pools["api"].Backends[0]; got.Address != "secret.internal:80" || got.Weight != 7 {
		t.Errorf("got backend %+v; want the values of the references", got)
	}
	if got := c.Routes["api"].Headers["X-Key"].Is; got != "env-secret" {
		t.Errorf("got header %q; want the value of the reference", got)
	}
}

func TestPrintedConfigurationShowsNoSecret(t *testing.T) {
	opts := secretOptions(t)
	loaded, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	var asYAML, asJSON, origins bytes.Buffer
	if err := Write(&asYAML, loaded, "yaml"); err != nil {
		t.Fatal(err)
	}
	if err := Write(&asJSON, loaded, "json"); err != nil {
		t.Fatal(err)
	}
	if err := WriteOrigins(&origins, loaded); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"yaml": asYAML.String(), "json": asJSON.String(), "origins": origins.String()} {
		if strings.Contains(text, "-secret of") || strings.Contains(text, "env-secret") || strings.Contains(text, "file-secret") ||
			strings.Contains(text, "literal-secret") || strings.Contains(text, "secret.internal") {
			t.Errorf("%s shows a secret:\n%s", name, text)
		}
		for _, want := range []string{mask, "${ENV:KEY}", "${FILE:token}", "${ENV:HOST}:80", "$${ENV:KEY}"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not hold %q:\n%s", name, want, text)
			}
		}
	}
	problems := refused(t, Options{Data: asYAML.Bytes(), Environ: opts.Environ, BaseDir: opts.BaseDir})
	if len(problems) != 1 || problems[0].Path != "admin.token" {
		t.Errorf("got %v; want only the masked token refused", problems)
	}
}

func TestProblemsShowNoSecret(t *testing.T) {
	t.Parallel()
	keys := []string{
		"listeners.web.address", "listeners.web.proxy_protocol", "listeners.web.limits.body_bytes", "listeners.web.timeouts.idle",
		"listeners.web.http2", "routes.api.path", "routes.api.path_regex", "routes.api.pool", "routes.api.priority",
		"routes.api.hosts[0]", "routes.api.methods[0]", "routes.api.listeners[0]", "routes.api.redirect={to: X}", "routes.api.respond={content_type: X}",
		"routes.api.retry={on: [X]}", "routes.api.hedge={after: X}", "pools.api.algorithm", "pools.api.hash_on", "pools.api.backends[0].address",
		"pools.api.backends[0].weight", "pools.api.health_check={path: X}", "pools.api.health_check={expect_status: [X]}",
		"pools.api.sticky={cookie: X}", "admin.address", "admin.token", "admin.allowed_hosts[0]", "log.access.sample", "metrics.path", "tracing.endpoint",
		"pools.api.discovery={dns: {name: X}}", "middleware={m: {type: X, key: X}}", "listeners.web.trusted_proxies[0]",
		"listeners.web.tls={certificates: [{cert_file: X, key_file: X}]}", "routes.api.headers={X: X}",
	}
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			set := key + "=${ENV:SECRET}"
			if path, value, ok := strings.Cut(key, "="); ok {
				set = path + "=" + strings.ReplaceAll(value, ": X", `: "${ENV:SECRET}"`)
				set = strings.ReplaceAll(set, "[X]", `["${ENV:SECRET}"]`)
			}
			_, err := Load(Options{Data: []byte(base), Set: []string{set}, Environ: []string{"SECRET=hunt [*er2\n{x"}})
			if err == nil {
				t.Fatalf("--set %s was accepted", set)
			}
			if strings.Contains(err.Error(), "hunt") || strings.Contains(err.Error(), "er2") {
				t.Errorf("--set %s: the secret is shown: %s", set, err)
			}
		})
	}
}
