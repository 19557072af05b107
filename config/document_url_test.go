package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestCredentialsOfURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"https://me:hunter2@host/p", "https://me:***@host/p"},
		{"https://hunter2@host", "https://***@host"},
		{"redis://:hunter2@host:6379/0", "redis://:***@host:6379/0"},
		{"https://me:hunter2@x@host/p", "https://me:***@host/p"},
		{"https://host/p?access_token=hunter2&a=b#c=d", "https://host/p?access_token=***&a=b#c=d"},
		{"https://me:a@host/?api_key=b&c=d&password=e", "https://me:***@host/?api_key=***&c=d&password=***"},
		{"https://host/p?token=", "https://host/p?token="},
		{"https://${ENV:NAME}:${ENV:PASSWORD}@host", "https://${ENV:NAME}:${ENV:PASSWORD}@host"},
		{"https://me:${ENV:PASSWORD:-hunter2}@host", "https://me:***@host"},
		{"https://{host}/login?token={query.token}", "https://{host}/login?token={query.token}"},
		{"https://host/@me:hunter2", "https://host/@me:hunter2"},
		{"ops@example.com", "ops@example.com"},
		{"see https://me:text@host", "see https://me:text@host"},
		{"://a:b@c", "://a:b@c"},
	} {
		if got := ShownURL(c.text); got != c.want {
			t.Errorf("%q: got %q; want %q", c.text, got, c.want)
		}
		if got := ShownURL(c.want); got != c.want {
			t.Errorf("%q is masked again: %q", c.want, got)
		}
		if got, want := holdsURLMask(c.want), strings.Contains(c.want, mask); got != want {
			t.Errorf("%q holds a mask: got %v; want %v", c.want, got, want)
		}
	}
}

// urlSecrets are keys that take a URL, each with a text whose secrets are hunter2.
func urlSecrets() map[string]string {
	return map[string]string{
		"jwks_url":       `middleware: {m: {type: jwt, algorithms: [RS256], jwks_url: "https://me:hunter2@id.example/keys?access_token=hunter2"}}`,
		"acme directory": `listeners: {tls: {address: ":8443", tls: {acme: {email: a@b.example, hosts: [a.example], directory: "https://me:hunter2@ca.example/dir", storage: /tmp/acme}}}}`,
		"redirect":       `routes: {r: {redirect: {to: "https://hunter2@there.example{uri}"}}}`,
		"header":         `middleware: {m: {type: headers, request: {set: {X-Callback: "https://me:hunter2@there.example/"}}}}`,
		"body":           `routes: {r: {respond: {status: 200, body: "https://there.example/?password=hunter2"}}}`,
	}
}

// TestURLsShowNoSecret prints configurations with secrets in URLs in every way there is, takes
// what was printed back, and refuses it anywhere else.
func TestURLsShowNoSecret(t *testing.T) {
	t.Parallel()
	for name, text := range urlSecrets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := text + "\n"
			if !strings.Contains(text, "listeners:") {
				whole += "listeners: {web: {address: \":8080\"}}\n"
			}
			if !strings.Contains(text, "routes:") {
				whole += "routes: {r: {respond: {status: 200}}}\n"
			}
			loaded, err := Load(Options{Data: []byte(whole)})
			if err != nil {
				t.Fatal(err)
			}
			doc := loaded.Document()
			if !doc.HasLiteralSecrets() {
				t.Error("got no literal secret")
			}
			masked := shownEverywhere(t, loaded)
			if problems := refused(t, Options{Data: masked}); len(problems) == 0 || !strings.Contains(problems.Error(), maskRefused) {
				t.Errorf("what was masked is loaded: %v", problems)
			}
			sent, err := ParseFile(masked, "yaml", "sent")
			if err != nil {
				t.Fatal(err)
			}
			back, err := sent.Unmask(doc)
			if err != nil {
				t.Fatal(err)
			}
			if back.Hash([]byte("k")) != doc.Hash([]byte("k")) {
				t.Error("what was masked is another document when it comes back")
			}
			changed := bytes.ReplaceAll(masked, []byte(mask+"@"), []byte(mask+"@evil."))
			if elsewhere, err := ParseFile(changed, "yaml", "sent"); err != nil {
				t.Fatal(err)
			} else if _, err := elsewhere.Unmask(doc); !bytes.Equal(changed, masked) && err == nil {
				t.Error("a secret goes to another host")
			}
			others := parsed(t, strings.ReplaceAll(whole, "hunter2", "hunter3"), "yaml")
			for _, c := range Diff(doc, others, []byte("k")) {
				if text := c.Old + c.New; strings.Contains(text, "hunter") || !strings.Contains(c.New, "(changed)") {
					t.Errorf("got %+v; want a secret that has changed", c)
				}
			}
		})
	}
}

// shownEverywhere fails where one of the ways to print a configuration shows a secret, and
// returns the document as it is shown.
func shownEverywhere(t *testing.T, loaded *Loaded) (masked []byte) {
	t.Helper()
	var asYAML, asJSON, origins bytes.Buffer
	masked, err := loaded.Document().Encode("yaml", true)
	for _, failed := range []error{err, Write(&asYAML, loaded, "yaml"), Write(&asJSON, loaded, "json"), WriteOrigins(&origins, loaded)} {
		if failed != nil {
			t.Fatal(failed)
		}
	}
	for way, text := range map[string]string{
		"document": string(masked), "yaml": asYAML.String(), "json": asJSON.String(), "origins": origins.String(),
		"warnings": loaded.Warnings.Error(),
	} {
		if strings.Contains(text, "hunter") || way != "warnings" && !strings.Contains(text, mask) {
			t.Errorf("%s: got %s; want the secret masked", way, text)
		}
	}
	return masked
}

// TestRefusedSecretsAreNotRepeated gives each key a literal that is no good there: what is
// said about it, and stands in logs then, does not hold it.
func TestRefusedSecretsAreNotRepeated(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter"
	issuer := `listeners: {tls: {address: ":8443", tls: {acme: {email: a@b.example, hosts: [a.example], storage: /tmp/acme, %s}}}}`
	for _, text := range []string{
		"admin: {token: \"X\\u0001\"}",
		"admin: {token: [X]}",
		"admin: {tokens: [{name: a, role: none, secret: X}]}",
		"admin: {tokens: [{name: a, role: write, secret: \"X \\n\"}]}",
		"admin: {tokens: [{name: a, role: write, secret: X}, {name: a, role: read, secret: X}]}",
		fmt.Sprintf(issuer, `eab: {key_id: a, hmac_key: "X!"}`),
		fmt.Sprintf(issuer, `dns: {provider: rfc2136, server: "127.0.0.1:53", key_name: k, key_secret: "X!"}`),
		"pools: {p: {backends: [{address: \"127.0.0.1:1\"}], sticky: {secret: \"X\\u0001\", same_site: none}}}",
		"middleware: {m: {type: basic_auth, users: [\"me:X\", \"X\", \"you:$2y$X\"]}}",
		"middleware: {m: {type: basic_auth, users: X}}",
		"middleware: {m: {type: api_key, keys: [{name: a, sha256: X}]}}",
		"middleware: {m: {type: rate_limit, store: {redis: {address: \"redis://me:X@127.0.0.1:1\", password: \"X\\u0001\"}}}}",
		"middleware: {m: {type: rate_limit, store: {redis: {address: \"me:X@127.0.0.1:1\"}}}}",
		"middleware: {m: {type: rate_limit, store: {redis: {address: \"me:X@127.0.0.1\"}}}}",
		"middleware: {m: {type: forward_auth, url: \"http://me:X@auth.example/\"}}",
		"middleware: {m: {type: forward_auth, url: \"ftp://me:X@auth.example/?password=X\"}}",
		"middleware: {m: {type: jwt, algorithms: [RS256], jwks_url: \"ftp://me:X@id.example/\"}}",
		"middleware: {m: {type: jwt, algorithms: [RS256], jwks_url: \"https://me:X@/\", jwks_file: \"https://X@h\"}}",
		"middleware: {m: {type: headers, request: {set: {Authorization: \"Bearer X {nothing}\"}}}}",
		"middleware: {m: {type: headers, response: {set: {Auth-Token: \"X\\u0001\"}}}}",
		"middleware: {m: {type: headers, request: {replace: [{name: a, regex: \"(\", with: \"http://X@a\"}]}}}",
		"routes: {r: {pool: \"http://me:X@there\", headers: {Authorization: {regex: \"(X\"}}}}",
		"routes: {r: {respond: {status: 200, headers: {Set-Cookie: \"X {nothing}\"}}}}",
		"routes: {r: {redirect: {to: \"https://me:X@there.example{nothing}\"}}}",
		"pools: {p: {backends: [{address: \"http://me:X@there\"}], health_check: {headers: {Authorization: \"X\\u0001\"}}}}",
		"tracing: {enabled: true, endpoint: \"ftp://me:X@there\"}",
		"source: {etcd: {endpoints: [\"http://me:X@there:2379\", \"me:X@there:2379\"], user: a, password: \"X\\u0001\"}}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := Load(Options{Data: []byte(strings.ReplaceAll(text, "X", secret))})
			if err == nil {
				t.Fatal("it is taken")
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("got %v; want no secret in it", err)
			}
		})
	}
}
