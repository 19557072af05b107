package config

import (
	"errors"
	"strings"
	"testing"
)

// What is masked and sent back is the document again, whatever secrets it has.
func TestMasksComeBack(t *testing.T) {
	t.Parallel()
	for name, d := range corpus(t) {
		for _, format := range []string{formatYAML, formatJSON} {
			sent := parsed(t, encoded(t, d, format, true), format)
			got, err := sent.Unmask(d)
			if err != nil {
				t.Errorf("%s: %s: %v", name, format, err)
				continue
			}
			if got.Hash(hashKey) != d.Hash(hashKey) || encoded(t, got, formatYAML, false) != encoded(t, d, formatYAML, false) {
				t.Errorf("%s: %s: another document comes back: %v", name, format, Diff(d, got, hashKey))
			}
		}
	}
}

func TestMaskedDocumentShowsNoSecret(t *testing.T) {
	t.Parallel()
	d := parsed(t, secretsText, formatYAML)
	if !d.HasLiteralSecrets() || parsed(t, base, formatYAML).HasLiteralSecrets() {
		t.Error("literal secrets are not told from others")
	}
	for _, format := range []string{formatYAML, formatJSON} {
		text := encoded(t, d, format, true)
		for _, hidden := range []string{"-secret", "c2VjcmV0", "cloudflare-token", "hash-of-bob", "$2y$", "abababab", "b94d27b9"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s shows %q:\n%s", format, hidden, text)
			}
		}
		for _, shown := range []string{"alice:***", "bob:***", "${ENV:CAROL}", "${ENV:OTHER}", "{header.X-Token}", "X-Env", "shown", "{request_id}", "AK"} {
			if !strings.Contains(text, shown) {
				t.Errorf("%s hides %q:\n%s", format, shown, text)
			}
		}
	}
}

func TestWhatIsASecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"abc": mask, "": "", "${ENV:A}": "${ENV:A}", "Bearer ${ENV:A}": "Bearer ${ENV:A}", "${FILE:/a}": "${FILE:/a}",
		"${ENV:A:-abc}": mask, "${ENV:A:-}": "${ENV:A:-}", "${ENV:A:-abc}${ENV:B}": mask, "$${ENV:A}": mask, "***": mask, "{client_ip}": mask,
	} {
		if got := shownSecret(text); got != want {
			t.Errorf("%q is shown as %q; want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"{client_ip}": "{client_ip}", "{a} {b}": "{a} {b}", "Basic {a}": mask, "*": "*", "{{a}": mask, "": "", "${ENV:A}": "${ENV:A}", "${ENV:A:-x}": mask,
	} {
		if got := shownField(text); got != want {
			t.Errorf("field %q is shown as %q; want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"bob:hash": "bob:***", "bob:${ENV:A}": "bob:${ENV:A}", "${ENV:A}": "${ENV:A}", "${ENV:A:-bob:hash}": mask, "${ENV:A}:hash": "${ENV:A}:***", "none": mask,
		"bob:": "bob:", "a:b:c": "a:***",
	} {
		if got := shownUser(text); got != want {
			t.Errorf("user %q is shown as %q; want %q", text, got, want)
		}
	}
	for _, name := range []string{
		"Authorization", "authorization", "Proxy-Authorization", "COOKIE", "Set-Cookie", "X-API-Key", "x_api_key", "X-Auth-Token", "Ocp-Apim-Subscription-Key",
		"password", "db.password", "client_secret", "api_keys", "X-Vault-Token",
	} {
		if !isSecretName(name) {
			t.Errorf("%s is no secret; want one", name)
		}
	}
	for _, name := range []string{"", "X-Env", "Key", "Idempotency-Key", "User-Agent", "X-Token-Type", "keyapi-key-x", "tokenize", "-"} {
		if isSecretName(name) {
			t.Errorf("%s is a secret; want none", name)
		}
	}
}

// unmasked is a document that is sent against one that runs.
func unmasked(t *testing.T, running, sent string) (*Document, error) {
	t.Helper()
	return parsed(t, sent, formatYAML).Unmask(parsed(t, running, formatYAML))
}

func TestMasksAreFoundByName(t *testing.T) {
	t.Parallel()
	const keys = `middleware: {k: {type: api_key, keys: %s}}`
	list := func(items string) string { return strings.Replace(keys, "%s", items, 1) }
	for _, tt := range []struct{ name, running, sent, want string }{
		{
			"other order", list(`[{name: a, sha256: A}, {name: b, sha256: B}]`),
			list(`[{name: b, sha256: "***"}, {name: c, sha256: C}, {name: a, sha256: "***"}]`),
			list(`[{name: b, sha256: B}, {name: c, sha256: C}, {name: a, sha256: A}]`),
		},
		{
			"one of two of a name stays", list(`[{name: a, sha256: A}, {name: a, sha256: B}]`), list(`[{name: a, sha256: "***"}, {name: a, sha256: "***"}]`),
			list(`[{name: a, sha256: A}, {name: a, sha256: B}]`),
		},
		{
			"users", `middleware: {u: {type: basic_auth, users: ["a:1", "b:2", "${ENV:C}"]}}`, `middleware: {u: {type: basic_auth, users: ["b:***", "new:3", "a:***", "${ENV:C}"]}}`,
			`middleware: {u: {type: basic_auth, users: ["b:2", "new:3", "a:1", "${ENV:C}"]}}`,
		},
		{
			"acme by directory and hosts", `listeners: {w: {tls: {acme: [{hosts: [a, b], dns: {token: A}}, {hosts: [a, b], directory: "https://x", dns: {token: B}}]}}}`,
			`listeners: {w: {tls: {acme: [{directory: "https://x", hosts: [b, A], dns: {token: "***"}}, {hosts: [a, b], profile: p, dns: {token: "***"}}]}}}`,
			`listeners: {w: {tls: {acme: [{directory: "https://x", hosts: [b, A], dns: {token: B}}, {hosts: [a, b], profile: p, dns: {token: A}}]}}}`,
		},
		{
			"one section for a list", `listeners: {w: {tls: {acme: {hosts: [a], dns: {token: A}}}}}`, `listeners: {w: {tls: {acme: [{hosts: [a], dns: {token: "***"}}]}}}`,
			`listeners: {w: {tls: {acme: [{hosts: [a], dns: {token: A}}]}}}`,
		},
		{
			"a list for one section", `listeners: {w: {tls: {acme: [{hosts: [b]}, {hosts: [a], dns: {token: A}}]}}}`, `listeners: {w: {tls: {acme: {hosts: [a], dns: {token: "***"}}}}}`,
			`listeners: {w: {tls: {acme: {hosts: [a], dns: {token: A}}}}}`,
		},
		{
			"text for a section, and back", `routes: {a: {headers: {X-API-Key: A}, query: {token: {is: B}}}}`, `routes: {a: {headers: {X-API-Key: {is: "***"}}, query: {token: "***"}}}`,
			`routes: {a: {headers: {X-API-Key: {is: A}}, query: {token: B}}}`,
		},
		{
			"items without a name, by the rest", `routes: {a: {not: [{path: /x, headers: {Authorization: A}}, {headers: {Authorization: B}}]}}`,
			`routes: {a: {not: [{headers: {Authorization: "***"}}, {path: /new}, {path: /x, headers: {Authorization: "***"}}]}}`,
			`routes: {a: {not: [{headers: {Authorization: B}}, {path: /new}, {path: /x, headers: {Authorization: A}}]}}`,
		},
		{"a reference", `admin: {token: "${ENV:T}"}`, `admin: {token: "***"}`, `admin: {token: "${ENV:T}"}`},
		{"what only looks so", `zone: "***"`, `{zone: "***", routes: {a: {respond: {body: "x***"}}}}`, `{zone: "***", routes: {a: {respond: {body: "x***"}}}}`},
		{
			"options of a registered stage", `middleware: {m: {type: mine, options: {db: {password: A, x: 1}}}}`, `middleware: {m: {type: mine, options: {db: {password: "***", x: 2}}}}`,
			`middleware: {m: {type: mine, options: {db: {password: A, x: 2}}}}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := unmasked(t, tt.running, tt.sent)
			if err != nil {
				t.Fatal(err)
			}
			if want := parsed(t, tt.want, formatYAML); encoded(t, got, formatYAML, false) != encoded(t, want, formatYAML, false) {
				t.Errorf("got\n%s\nwant\n%s", encoded(t, got, formatYAML, false), encoded(t, want, formatYAML, false))
			}
		})
	}
}

func TestMasksThatStandForNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, running, sent, path string }{
		{"no secret there", `log: {level: info}`, `admin: {token: "***"}`, "admin.token"},
		{"an empty one", `admin: {token: ""}`, `admin: {token: "***"}`, "admin.token"},
		{"another object", `pools: {a: {sticky: {secret: A}}}`, `pools: {b: {sticky: {secret: "***"}}}`, "pools.b.sticky.secret"},
		{"no place of secrets", `zone: a`, `zone: "***"`, "zone"},
		{"in a list of text", `routes: {a: {hosts: [a]}}`, `routes: {a: {hosts: ["***"]}}`, "routes.a.hosts[0]"},
		{"a name that is new", `middleware: {k: {type: api_key, keys: [{name: a, sha256: A}]}}`, `middleware: {k: {type: api_key, keys: [{name: b, sha256: "***"}]}}`, "middleware.k.keys[0].sha256"},
		{"one of two of a name", `middleware: {k: {type: api_key, keys: [{name: a, sha256: A}, {name: a, sha256: B}]}}`, `middleware: {k: {type: api_key, keys: [{name: a, sha256: "***"}]}}`, "middleware.k.keys[0].sha256"},
		{"a user that is new", `middleware: {u: {type: basic_auth, users: ["a:1"]}}`, `middleware: {u: {type: basic_auth, users: ["b:***"]}}`, "middleware.u.users[0]"},
		{"a user without a name", `middleware: {u: {type: basic_auth, users: ["a:1"]}}`, `middleware: {u: {type: basic_auth, users: ["***"]}}`, "middleware.u.users[0]"},
		{"acme with another host", `listeners: {w: {tls: {acme: {hosts: [a], dns: {token: A}}}}}`, `listeners: {w: {tls: {acme: {hosts: [a, b], dns: {token: "***"}}}}}`, "listeners.w.tls.acme.dns.token"},
		{"an item without a name that is another", `routes: {a: {not: [{path: /x, headers: {Authorization: A}}]}}`, `routes: {a: {not: [{path: /y, headers: {Authorization: "***"}}]}}`, "routes.a.not[0].headers.Authorization"},
		{"in place of a section", `pools: {a: {sticky: {secret: A}}}`, `pools: {a: {sticky: "***"}}`, "pools.a.sticky"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := unmasked(t, tt.running, tt.sent)
			var masked *MaskedError
			if !errors.As(err, &masked) || masked.Path != tt.path || len(masked.Problems) != 1 || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("got %v; want *** at %s refused", err, tt.path)
			}
		})
	}
	if _, err := parsed(t, `{admin: {token: "***"}, zone: "***"}`, formatYAML).Unmask(nil); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v; want both places", err)
	}
}

func TestMasksOfParts(t *testing.T) {
	t.Parallel()
	running := parsed(t, secretsText, formatYAML)
	part, _ := running.At("pools", "api")
	sent, err := ParsePart([]byte(encoded(t, part, formatJSON, true)), formatJSON, "pools", "api")
	if err != nil {
		t.Fatal(err)
	}
	for _, against := range []*Document{running, part} {
		if got, err := sent.Unmask(against); err != nil || got.Hash(hashKey) != part.Hash(hashKey) {
			t.Errorf("got %v; want the pool that runs", err)
		}
	}
	other, _ := running.At("routes")
	if _, err := sent.Unmask(other); err == nil || !strings.Contains(err.Error(), "pools.api.sticky.secret") {
		t.Errorf("got %v; want the place named", err)
	}
	if patched, err := running.MergePatch([]byte(`{"admin": {"token": "***", "address": "127.0.0.1:1"}}`)); err != nil {
		t.Error(err)
	} else if got, err := patched.Unmask(running); err != nil || !strings.Contains(encoded(t, got, formatYAML, false), "admin-secret") {
		t.Errorf("got %v; want the token that runs", err)
	}
}

// A mask is no value of a secret, wherever a configuration comes from.
func TestMaskIsNoSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ set, path string }{
		{"routes.api.headers={X-API-Key: \"***\"}", "routes.api.headers.X-API-Key"},
		{"routes.api.headers={X-API-Key: {regex: \"***\"}}", "routes.api.headers.X-API-Key.regex"},
		{"pools.api.sticky={secret: \"***\"}", "pools.api.sticky.secret"},
		{"pools.api.health_check={headers: {Cookie: \"***\"}}", "pools.api.health_check.headers.Cookie"},
		{"middleware={m: {type: headers, request: {set: {Authorization: \"***\"}}}}", "middleware.m.request.set.Authorization"},
		{"middleware={m: {type: basic_auth, users: [\"a:***\"]}}", "middleware.m.users[0]"},
		{"middleware={m: {type: own, options: {token: \"***\"}}}", "middleware.m.options.token"},
	} {
		problems := refused(t, Options{Data: []byte(base), Set: []string{tt.set}, Extensions: Extensions{Stages: []string{"own"}}})
		if len(problems) != 1 || problems[0].Path != tt.path {
			t.Errorf("--set %s: got %v; want %s refused", tt.set, problems, tt.path)
		}
	}
	// The effective configuration hides the same.
	loaded := taken(t, Options{
		Data: []byte(base), Extensions: Extensions{Stages: []string{"own"}}, Set: []string{
			"routes.api.headers={X-API-Key: hidden-1, X-Env: shown-1}", "pools.api.health_check={headers: {Cookie: hidden-2, Authorization: \"${ENV:A}\"}}",
			"middleware={m: {type: basic_auth, users: [\"shown-3:$5$hidden-3\"]}, o: {type: own, options: {list: [{token: hidden-4, other: shown-4}]}}}",
		}, Environ: []string{"A=hidden-5"},
	})
	for _, format := range []string{formatYAML, formatJSON} {
		var b strings.Builder
		if err := Write(&b, loaded, format); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Contains(text, "hidden") || strings.Count(text, "shown") != 3 || !strings.Contains(text, "${ENV:A}") {
			t.Errorf("got\n%s", text)
		}
	}
}
