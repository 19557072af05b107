package run

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// trap is something that means something else where a configuration comes from: what MOVING.md
// has to say of it and, where the file alone shows it, a file that check has to say something of,
// with one like it that is as it should be. Where there is no file, unseen says why.
type trap struct {
	name, phrase     string
	file, want, fine string
	unseen           string
}

// Pieces of the files below. {{cert}}, {{key}}, {{page}} and {{message}} are files.
const (
	trapWeb    = "listeners: {web: {address: ':0'}}\n"
	trapBehind = "listeners: {web: {address: ':0', trusted_proxies: [10.0.0.0/8]}}\n"
	trapPool   = "pools: {p: {backends: [{address: 'a.test:8080'}]}}\n"
	trapBoth   = "listeners: {web: {address: ':0'}, tls: {address: ':1', tls: {certificates: [{cert_file: '{{cert}}', key_file: '{{key}}'}]}}}\n"
	trapTurned = "listeners: {web: {address: ':0', redirect_https: {}}, tls: {address: ':1', tls: {certificates: [{cert_file: '{{cert}}', key_file: '{{key}}'}]}}}\n"
)

// trapStaged is a route with one stage.
func trapStaged(keys string) string {
	return trapWeb + trapPool + "routes: {all: {middleware: [s], pool: p}}\nmiddleware: {s: {" + keys + "}}\n"
}

func trapSetting(value string) string {
	return trapStaged("type: headers, request: {set: {X-A: '" + value + "'}}")
}

const (
	meant    = "the file is the same for those who mean it"
	otherEnd = "what the other proxy did is not in the file"
)

// fromNginx are traps of those who come from nginx and HAProxy.
func fromNginx() []trap {
	return []trap{
		{
			name: "regex beside /", phrase: "**A regular expression beside the prefix `/` of its host** is never asked while their priorities are equal",
			file: trapWeb + trapPool + "routes: {site: {hosts: [a.test], path_prefix: /, pool: p}, metrics: {hosts: [a.test], path_regex: '^/metrics$', respond: {status: 403}}}\n",
			want: `routes.metrics: warning: no request reaches it: route "site" takes all of them; a higher priority puts it first`,
			fine: trapWeb + trapPool + "routes: {site: {hosts: [a.test], path_prefix: /, pool: p}, metrics: {hosts: [a.test], path_regex: '^/metrics$', priority: 1, respond: {status: 403}}}\n",
		},
		{
			name: "refusal without hosts", phrase: "**A route without hosts loses to every route with one.**",
			file: trapWeb + trapPool + "routes: {git: {path_prefix: /.git, respond: {status: 403}}, site: {hosts: [a.test], pool: p}}\n",
			want: "routes.git: warning: is not asked for the hosts of routes.site, which comes first as it has some, and forwards these requests",
			fine: trapWeb + trapPool + "routes: {git: {path_prefix: /.git, priority: 1, respond: {status: 403}}, site: {hosts: [a.test], pool: p}}\n",
		},
		{
			name: "redirect without hosts", phrase: "higher priority, or `redirect_https.except`",
			file: trapBoth + trapPool + "routes: {r: {listeners: [web], not: {path_prefix: /.well-known/acme-challenge}, redirect: {to: 'https://{host}{uri}'}}, site: {hosts: [a.test], pool: p}}\n",
			want: "listeners.web: warning: serves routes.site in clear text, which listeners.tls serves by TLS",
			fine: strings.Replace(trapTurned, "redirect_https: {}", "redirect_https: {except: {path_prefixes: [/.well-known/acme-challenge]}}", 1) + trapPool + "routes: {site: {hosts: [a.test], pool: p}}\n",
		},
		{name: "fall-through", phrase: "**A host does not hide wider ones.** nginx never leaves the server that it has chosen", unseen: meant},
		{
			name: "proxy_read_timeout", phrase: "**`proxy_read_timeout 900s`** is `timeouts.read` of a pool",
			file: trapWeb + strings.Replace(trapPool, "}]}}", "}], timeouts: {read: 900s}}}", 1) + "routes: {all: {pool: p}}\n",
			want: "pools.p.timeouts.read: warning: does not help answers that take longer than 30s to begin",
			fine: trapWeb + strings.Replace(trapPool, "}]}}", "}], timeouts: {read: 900s}}}", 1) + "routes: {all: {timeout: 900s, pool: p}}\n",
		},
		{name: "burst nodelay", phrase: "nginx lets `burst=N nodelay` in on top of the one that is due: `burst: N+1`", unseen: meant},
		{name: "burst", phrase: "Without `nodelay` requests wait: `max_delay`", unseen: meant},
		{name: "refused requests count", phrase: "HAProxy counts refused requests as well", unseen: otherEnd},
		{name: "maxconn", phrase: "**`maxconn N`** of a server makes requests wait in HAProxy. `max_requests` answers 503 at once, unless `concurrency.max_queue` lets them wait", unseen: meant},
		{name: "slash at the end", phrase: "nginx answers `/a` with a redirect to `/a/`", unseen: meant},
		{name: "path_beg", phrase: "HAProxy's `path_beg /v1`, Traefik's `PathPrefix`, Envoy's `prefix` and Caddy's `/api*` take `/v1x`, too", unseen: meant},
		{name: "Host", phrase: "**`Host`.** nginx sends the name of the upstream unless told otherwise, Isame what the client has sent", unseen: meant},
		{name: "proxy_redirect", phrase: "**A `Location` that names the backend** is led back by nginx (`proxy_redirect default`)", unseen: "only the backend knows what it sends"},
		{
			name: "X-Forwarded-Proto", phrase: "**`X-Forwarded-Proto`** is `http` behind a CDN or another proxy that ends TLS until it stands in `trusted_proxies`",
			file: trapWeb + trapPool + "routes: {s: {headers: {X-Forwarded-Proto: http}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p}}\n",
			want: "routes.s.headers.X-Forwarded-Proto: warning: is what any client may say, and backends are told another scheme",
			fine: trapBehind + trapPool + "routes: {s: {headers: {X-Forwarded-Proto: http}, redirect: {to: 'https://{host}{uri}'}}, a: {pool: p}}\n",
		},
		{
			name: "fields of nobody", phrase: "`{header.X-Forwarded-For}` and the like, where no listener has `trusted_proxies`",
			file: trapSetting("{header.X-Forwarded-For}"), want: "middleware.s.request.set.X-A: warning: {header.X-Forwarded-For} is always empty",
			fine: strings.Replace(trapSetting("{header.X-Forwarded-For}"), trapWeb, trapBehind, 1),
		},
		{name: "httpchk", phrase: "`option httpchk` is `OPTIONS /` and takes 2xx and 3xx; here it is `GET /health` and 2xx", unseen: otherEnd},
		{name: "panic_threshold", phrase: "`panic_threshold` has all of them serve, and hides it", unseen: "probes have to fail first"},
		{
			name: "error files", phrase: "**HAProxy's error files** hold a status line and fields; `error_pages.file` is the page alone",
			file: trapStaged("type: error_pages, file: '{{message}}'"), want: "middleware.s.file: warning: begins with a status line, as HAProxy's error files do",
			fine: trapStaged("type: error_pages, file: '{{page}}'"),
		},
		{name: "add_header", phrase: "**`add_header`** without `always` is for answers of 2xx and 3xx alone: `when_status`", unseen: meant},
		{name: "proxy_set_header", phrase: "**`proxy_set_header` in a location** takes back all of those above it", unseen: otherEnd},
		{name: "client_max_body_size", phrase: "**Bodies** are 1 MiB at most in nginx unless something is said", unseen: otherEnd},
		{
			name: "X-Sendfile", phrase: "`X-Sendfile` and `X-Accel-Redirect` of an application mean nothing here: answers would be empty",
			file: trapStaged("type: headers, request: {set: {X-Sendfile-Type: X-Accel-Redirect}}"), want: "middleware.s.request.set.X-Sendfile-Type: warning: has applications answer with X-Accel-Redirect",
			fine: trapStaged("type: headers, request: {set: {X-Sendfile-Type: ''}}"),
		},
		{name: "auth off", phrase: "**`auth off` for one location** is easily lost: `skip` leaves stages of `defaults` out", unseen: meant},
		{
			name: "variables of nginx", phrase: "`$remote_addr` is `{client_ip}`, `$request_uri` is `{uri}`",
			file: trapSetting("$remote_addr"), want: "middleware.s.request.set.X-A: warning: $remote_addr is text here: {client_ip} is the variable",
			fine: trapSetting("{client_ip}"),
		},
		{
			name: "X-Forwarded-For of nginx", phrase: "nothing like `$proxy_add_x_forwarded_for` is needed",
			file: trapSetting("$proxy_add_x_forwarded_for"), want: "X-A: warning: $proxy_add_x_forwarded_for is text here: the proxy writes X-Forwarded-For itself",
			fine: trapSetting("$proxy"),
		},
		{
			name: "samples of HAProxy", phrase: "`%[src]` is `{client_ip}`",
			file: trapSetting("%[src]"), want: "X-A: warning: %[src] is text here: variables stand in braces", fine: trapSetting("100%[]"),
		},
	}
}

// fromRoutes are traps of those who come from Traefik, Caddy and Envoy: routes and paths.
func fromRoutes() []trap {
	return []trap{
		{
			name: "catch-all redirect", phrase: "**A redirect of everything to https.**",
			file: trapBoth + trapPool + "routes: {all: {pool: p}}\n", want: "listeners.web: warning: serves routes.all in clear text, which listeners.tls serves by TLS",
			fine: trapTurned + trapPool + "routes: {all: {pool: p}}\n",
		},
		{
			name: "router with tls", phrase: "Traefik router with a `tls` section is for TLS alone, with or without `entryPoints`",
			file: trapBoth + trapPool + "routes: {all: {hosts: [a.test], pool: p}}\n", want: "listeners of the route says where it is meant to be",
			fine: trapBoth + trapPool + "routes: {all: {hosts: [a.test], listeners: [tls], pool: p}}\n",
		},
		{name: "priority of Traefik", phrase: "Traefik's priority is the length of the rule where none is given", unseen: otherEnd},
		{name: "first match", phrase: "are tried in the order of the file: give them falling priorities", unseen: otherEnd},
		{name: "handle", phrase: "Caddy sorts `handle` blocks, of which one runs", unseen: otherEnd},
		{
			name: "or", phrase: "`Host(a) || Host(b)` is a list. `(A || B) && C` is a route for each of A and B",
			file: trapWeb + trapPool + "routes: {all: {hosts: ['a.test || b.test'], pool: p}}\n", want: "routes.all.hosts[0]: \"a.test || b.test\" is not a host name",
			fine: trapWeb + trapPool + "routes: {all: {hosts: [a.test, b.test], pool: p}}\n",
		},
		{name: "not", phrase: "without one it is `not`, never a condition that is left out", unseen: "what was left out is not in the file"},
		{name: "ClientIP", phrase: "Traefik's `ClientIP` and Caddy's `remote_ip` are the peer of the socket", unseen: meant},
		{name: "matcher of addresses", phrase: "lets the next route be tried (`client_ips`); `ip_filter` answers 403", unseen: meant},
		{
			name: "all below", phrase: "Caddy's `/api/*` is `path_prefix: /api/`, without `/api` itself",
			file: trapWeb + trapPool + "routes: {all: {path_prefix: '/api/*', pool: p}}\n", want: "routes.all.path_prefix: warning: the asterisk is text here: the prefix \"/api/\" is all that lies below it",
			fine: trapWeb + trapPool + "routes: {all: {path_prefix: /api/, pool: p}}\n",
		},
		{
			name: "names in paths", phrase: "An asterisk or `{name}` in a path is text",
			file: trapWeb + trapPool + "routes: {all: {path: '/users/{id}', pool: p}}\n", want: "routes.all.path: warning: braces are text here: path_regex takes patterns",
			fine: trapWeb + trapPool + "routes: {all: {path_regex: '^/users/[^/]{1,9}$', pool: p}}\n",
		},
		{name: "handle_path", phrase: "Caddy's `handle_path /api/*` strips `/api` and leaves the slash", unseen: meant},
		{name: "prefix rewrite", phrase: "Envoy's `prefix: /x/` with a rewrite to `/` is `path_prefix: /x/` with `strip_prefix: /x`", unseen: meant},
		{name: "merge_slashes", phrase: "Envoy's `merge_slashes` changes both", unseen: otherEnd},
		{name: "order of Caddy", phrase: "A redirect that Caddy makes before it asks for a password is a route, not a stage behind `basic_auth`", unseen: "Traefik means it so"},
		{
			name: "redirectRegex", phrase: "**`redirectRegex`** looks at the whole URL, `redirect.regex` as well",
			file: trapStaged("type: redirect, regex: '^/old/(.*)$', to: '/new/$1'"), want: "middleware.s.regex: warning: never matches: it is asked of the whole URL",
			fine: trapStaged("type: redirect, regex: '^https?://[^/]+/old/(.*)$', to: '/new/$1'"),
		},
		{name: "permanent", phrase: "`permanent` is 301 to GET and 308 to others; the default here is 308", unseen: meant},
		{
			name: "groups", phrase: "Groups are `$1` or `${1}`, and braces are variables: `{{` is a brace",
			file: trapStaged("type: redirect, regex: '^http://(.*)$', to: 'https://{1}'"), want: "middleware.s.to: {1} is no variable",
			fine: trapStaged("type: redirect, regex: '^http://(.*)$', to: 'https://${1}'"),
		},
		{
			name: "labels", phrase: "A hash whose dollars are doubled, as labels of containers need them, is refused by that name",
			file: trapStaged("type: basic_auth, users: ['a:$$2y$$05$$abc']"), want: "middleware.s.users[0]: the password's hash is one with its dollars doubled",
			fine: trapStaged("type: basic_auth, users: ['a:$2y$05$3/RHqkpZ0fdTlbrWnXexu.4w3XQ2ufG2iZOC4vcI8HcHS0JReNJUy']"),
		},
	}
}

// fromPools are traps of those: numbers, pools and certificates.
func fromPools() []trap {
	sticky := func(a, b string) string {
		return trapWeb + "pools: {a: {backends: [{address: 'a.test:1'}], sticky: {" + a + "}}, b: {backends: [{address: 'b.test:1'}], sticky: {" + b + "}}}\nroutes: {x: {pool: a, path_prefix: /a}, y: {pool: b, path_prefix: /b}}\n"
	}
	members := func(keys string) string {
		return trapWeb + "pools: {p: {" + keys + "}}\nroutes: {all: {pool: p}}\n"
	}
	return []trap{
		{name: "burst of Traefik", phrase: "Traefik's burst is 1 unless said, that of Isame twice the rate", unseen: otherEnd},
		{name: "period", phrase: "`period: 1m` is `per: 1m`", unseen: meant},
		{name: "inFlightReq", phrase: "`inFlightReq` without a criterion counts by host, `concurrency_limit` by client: `key: host`", unseen: meant},
		{name: "depth", phrase: "`excludedIPs` and `depth` are about the same field, and not exemptions", unseen: otherEnd},
		{name: "no timeouts", phrase: "Traefik and Caddy have no timeout at all", unseen: otherEnd},
		{name: "timeout of Envoy", phrase: "Envoy's `timeout` is for the whole answer, that of a route for its beginning", unseen: meant},
		{name: "num_retries", phrase: "Envoy's `num_retries: 2` is `attempts: 3`; Traefik's `attempts` counts all tries, as here", unseen: meant},
		{name: "retries unasked", phrase: "Isame tries again by itself when no connection comes about, nginx too, the others do not", unseen: otherEnd},
		{
			name: "shared cookie", phrase: "**Sticky cookies.** One name for two pools of a host makes each overwrite the other's",
			file: sticky("cookie: lb", "cookie: lb"), want: "pools.b.sticky.cookie: warning: is the cookie of pools.a as well", fine: sticky("cookie: lb", "cookie: lb2"),
		},
		{name: "values of cookies", phrase: "Values cannot be carried over", unseen: otherEnd},
		{name: "split", phrase: "`split` draws for each request unless `split_on` says otherwise", unseen: meant},
		{name: "nested weights", phrase: "Nested weights are multiplied; a mirror inside of a weighted service has no twin", unseen: otherEnd},
		{
			name: "failover", phrase: "an http primary and its https fallback cannot stand in one",
			file: members("backends: [{address: 'a.test:80'}, {address: 'b.test:443', backup: true}]"), want: "pools.p.backends[1].address: warning: 443 is the port of https, and the pool speaks clear text",
			fine: members("backends: [{address: 'a.test:443'}, {address: 'b.test:443', backup: true}], tls: {enabled: true}, host: backend"),
		},
		{name: "first", phrase: "A policy of Caddy named `first` is made of backups", unseen: otherEnd},
		{name: "default certificate", phrase: "what was Traefik's default certificate stands first", unseen: otherEnd},
		{name: "no certificate of its own", phrase: "There is no self-signed one; `unknown_sni: refuse` ends such handshakes", unseen: otherEnd},
		{name: "acme alone", phrase: "With `acme` and no files other names get that of the first host", unseen: meant},
		{name: "addresses", phrase: "Who connects to an IP address asks for no name, and gets the certificate that has the address", unseen: "it is served"},
	}
}

// fromFields are traps of those: fields, logins and words.
func fromFields() []trap {
	admin := func(hosts string) string {
		return trapWeb + "admin: {allowed_hosts: [" + hosts + "]}\npools: {p: {backends: [{address: '127.0.0.1:9901'}]}}\nroutes: {all: {hosts: [lb.test], pool: p}}\n"
	}
	zone := func(text string) string {
		return trapWeb + "pools: {p: {backends: [{address: 'a.test:8080', zone: '" + text + "'}]}}\nroutes: {all: {pool: p}}\n"
	}
	return []trap{
		{name: "forward_auth", phrase: "**`forward_auth`** tells the service the original method and address in `X-Forwarded-*` and copies the fields of `response_headers` alone", unseen: meant},
		{
			name: "trustForwardHeader", phrase: "Traefik's `trustForwardHeader: true` believes every client: it is `trusted_proxies`, never a switch",
			file: trapStaged("type: forward_auth, url: 'http://auth.test/', trust_forward_header: true"), want: "middleware.s.trust_forward_header: ",
			fine: trapStaged("type: forward_auth, url: 'http://auth.test/'"),
		},
		{name: "header_up", phrase: "`header_up X-Forwarded-For {client_ip}` replaces the chain", unseen: meant},
		{
			name: "remote", phrase: "Caddy's `{remote}` has the port", file: trapSetting("{remote}"),
			want: "middleware.s.request.set.X-A: {remote} is no variable (did you mean {client_ip}?)", fine: trapSetting("{client_ip}"),
		},
		{
			name: "hostport", phrase: "`{http.request.host}` has none, and `{host}` neither; Caddy's `{hostport}` is `{header.Host}`", file: trapSetting("{http.request.host}"),
			want: "middleware.s.request.set.X-A: {http.request.host} is no variable (did you mean {host}?)", fine: trapSetting("{header.Host}"),
		},
		{name: "empty field", phrase: "A field that is set to nothing in Traefik (`Server: \"\"`) is `remove`", unseen: "it is so here, too"},
		{
			name: "Connection", phrase: "`Connection` and `Upgrade` need not be set for WebSockets",
			file: trapStaged("type: headers, request: {set: {Connection: upgrade}}"), want: "middleware.s.request.set.Connection: warning: has no effect: the proxy writes Connection itself",
			fine: trapStaged("type: headers, request: {set: {X-Connection: upgrade}}"),
		},
		{name: "frameDeny", phrase: "**`frameDeny: false` with `customFrameOptionsValue`** is `frame: SAMEORIGIN`", unseen: otherEnd},
		{name: "frames unasked", phrase: "Nothing about frames is said unasked", unseen: meant},
		{
			name: "forceSTSHeader", phrase: "Traefik's `forceSTSHeader` is `trusted_proxies`",
			file: trapStaged("type: security_headers, hsts: {}"), want: "middleware.s.hsts: warning: is never sent: its routes are served in clear text",
			fine: strings.Replace(trapStaged("type: security_headers, hsts: {}"), trapWeb, trapBehind, 1),
		},
		{
			name: "CORS without origins", phrase: "Without `allow_origins` nothing is answered in the backend's place, as in Traefik",
			file: trapStaged("type: cors, allow_methods: [GET]"), want: "middleware.s.allow_methods: warning: has no effect without allow_origins",
			fine: trapStaged("type: cors, allow_methods: [GET], allow_origins: ['https://a.test']"),
		},
		{name: "any header with credentials", phrase: "`allow_headers: [\"*\"]` with credentials echoes what was asked", unseen: "it is served"},
		{
			name: "apr1", phrase: "What htpasswd makes unless told otherwise is apr1, MD5 in a thousand rounds. It is refused with the line of the file",
			file: trapStaged("type: basic_auth, users_file: '{{htpasswd}}'"), want: `.html:1: cannot use the hash of "a": MD5`, fine: trapStaged("type: basic_auth, users_file: '{{htpasswd-B}}'"),
		},
		{name: "Authorization", phrase: "was checked goes on to the backend in nginx, Traefik and Caddy: `forward: true`", unseen: meant},
		{
			name: "api@internal", phrase: "a pool to `127.0.0.1:9901`, whose host must stand in `admin.allowed_hosts`",
			file: admin(""), want: "routes.all.hosts[0]: warning: is refused by the admin endpoint, to which pools.p leads", fine: admin("lb.test"),
		},
		{name: "login and token", phrase: "`basic_auth` takes the `Authorization` field, which a token needs as well", unseen: "whoever only looks needs no token"},
		{name: "event streams", phrase: "**Compression** leaves event streams alone", unseen: "it is so unless asked"},
		{name: "disable_on_etag", phrase: "An ETag becomes a weak one, where Envoy leaves such answers uncompressed", unseen: meant},
		{
			name: "environment of Traefik", phrase: "Traefik's files do not expand `${X}`, though many hold it; here it is `${ENV:X}`",
			file: zone("${ZONE}"), want: "pools.p.backends[0].zone: warning: ${ZONE} is text here: ${ENV:ZONE} is the environment variable", fine: zone("${ENV:ZONE:-a}"),
		},
		{
			name: "environment of Caddy", phrase: "Caddy's `{$X}` and `{env.X}` and `{{ env \"X\" }}` of a Go template are that, too",
			file: zone("{$ZONE}"), want: "pools.p.backends[0].zone: warning: {$ZONE} is text here: ${ENV:ZONE} is the environment variable", fine: zone("a"),
		},
		{name: "crowdsec", phrase: "crowdsec's bouncer is a `forward_auth`, or its list one of `ip_filter.files`", unseen: otherEnd},
		{name: "certauthz", phrase: "What certauthz does by the subject of a certificate has no twin", unseen: otherEnd},
		{name: "Lua", phrase: "A script of Lua is a [fasthttp handler]", unseen: otherEnd},
		{name: "logs", phrase: "Caddy's logs by site, fields that Envoy names freely and the common log format have no twin", unseen: otherEnd},
	}
}

// TestEveryTrapOfThoseWhoMove: each is in MOVING.md, and what a file shows is said of it, and of
// no file that is like it.
func TestEveryTrapOfThoseWhoMove(t *testing.T) {
	read, err := os.ReadFile("../../engine/middleware/MOVING.md")
	if err != nil {
		t.Fatal(err)
	}
	document, files := strings.Join(strings.Fields(string(read)), " "), trapFiles(t)
	seen := map[string]bool{}
	for _, traps := range [][]trap{fromNginx(), fromRoutes(), fromPools(), fromFields()} {
		for _, tc := range traps {
			if seen[tc.name] {
				t.Errorf("%s stands there twice", tc.name)
			}
			seen[tc.name] = true
			t.Run(tc.name, func(t *testing.T) {
				if !strings.Contains(document, tc.phrase) {
					t.Errorf("MOVING.md lacks %q", tc.phrase)
				}
				if (tc.file == "") == (tc.unseen == "") {
					t.Fatal("want a file, or why none shows it")
				}
				if tc.file == "" {
					return
				}
				if got := saidOf(t, files.Replace(tc.file)); !strings.Contains(got, tc.want) {
					t.Errorf("got %q; want %q", got, tc.want)
				}
				if got := saidOf(t, files.Replace(tc.fine)); tc.fine == "" || got != "" {
					t.Errorf("of a file that is as it should be: got %q; want nothing", got)
				}
			})
		}
	}
}

// saidOf is what check says of a file.
func saidOf(t *testing.T, text string) string {
	t.Helper()
	loaded, err := looked(loadFrom(config.Options{Data: []byte(text), File: "isame.yaml"}))
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		return problems.Error()
	case err != nil:
		t.Fatal(err)
	case len(loaded.Warnings) > 0:
		return loaded.Warnings.Error()
	}
	return ""
}

// trapFiles are the files that the configurations name.
func trapFiles(t *testing.T) *strings.Replacer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var pairs []string
	for name, text := range map[string]string{
		"cert":       string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		"key":        string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"page":       "<p>sorry",
		"message":    "HTTP/1.0 503 Service Unavailable\r\n\r\nsorry",
		"htpasswd":   "a:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n",
		"htpasswd-B": "a:$2y$05$3/RHqkpZ0fdTlbrWnXexu.4w3XQ2ufG2iZOC4vcI8HcHS0JReNJUy\n",
	} {
		file := filepath.Join(dir, name+".html") // a page, by its name
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, "{{"+name+"}}", file)
	}
	return strings.NewReplacer(pairs...)
}
