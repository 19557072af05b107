package cmd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// schemaBase has each optional section once; nothing in it can be reached.
const schemaBase = `
listeners:
  web: {address: "127.0.0.1:0", trusted_proxies: [10.0.0.0/8]}
  plain: {address: "127.0.0.1:0", redirect_https: {}}
  secure:
    address: "127.0.0.1:0"
    tls: {certificates: [{cert_file: a.pem, key_file: a.key}], hsts: {}}
  named:
    address: "127.0.0.1:0"
    tls: {acme: [{hosts: [a.example], directory: "https://127.0.0.1:1/dir", storage: store}]}
routes:
  api: {pool: p, retry: {}, hedge: {}}
  to: {path: /to, redirect: {to: "https://a.example/"}}
  say: {path: /say, respond: {body: hello}}
  mix: {path: /mix, split: {p: 1, q: 1}}
  site: {path: /site, files: {root: .}}
pools:
  p:
    backends: [{address: "127.0.0.1:1"}, {address: "127.0.0.1:2"}]
    health_check: {interval: 1h}
    circuit_breaker: {}
    concurrency: {max_requests: 10, max_queue: 5}
    sticky: {}
  q: {backends: [{address: "127.0.0.1:1"}]}
  d: {discovery: {dns: {name: a.internal, port: 80, resolver: "127.0.0.1:1"}}}
`

// change is how one key is changed by itself: assignments of both sides, then
// those of the changed one.
type change struct{ before, after []string }

// places are the sections of schemaBase that show a key; the longest pattern wins.
var places = map[string]string{
	"listeners.*": "listeners.web", "listeners.*.redirect_https": "listeners.plain.redirect_https",
	"listeners.*.tls": "listeners.secure.tls", "listeners.*.tls.acme[*]": "listeners.named.tls.acme[0]",
	"listeners.*.http2": "listeners.secure.http2", "listeners.*.http3": "listeners.secure.http3",
	"routes.*": "routes.api", "routes.*.redirect": "routes.to.redirect", "routes.*.respond": "routes.say.respond", "routes.*.split": "routes.mix.split",
	"routes.*.files": "routes.site.files", "routes.*.split_on": "routes.mix.split_on",
	"pools.*": "pools.p", "pools.*.discovery": "pools.d.discovery",
}

// special are the keys that a value of their type alone does not change.
var special = map[string]change{
	"zone":                                      {[]string{"pools.p.backends[0].zone=a"}, []string{"zone=a"}},
	"pools.*.backends[*].zone":                  {[]string{"zone=a"}, []string{"pools.p.backends[0].zone=a"}},
	"listeners.*.address":                       {after: []string{"listeners.web.address=127.0.0.2:0"}},
	"listeners.*.proxy_protocol_from":           {[]string{"listeners.web.proxy_protocol=accept"}, []string{"listeners.web.proxy_protocol_from=192.0.2.0/24"}},
	"listeners.*.trusted_proxies":               {after: []string{"listeners.web.trusted_proxies=10.0.0.0/9"}},
	"listeners.*.tls.certificates[*].cert_file": {after: []string{"listeners.secure.tls.certificates=[{cert_file: b.pem, key_file: b.key}]"}},
	"listeners.*.tls.certificates[*].key_file":  {after: []string{"listeners.secure.tls.certificates=[{cert_file: b.pem, key_file: b.key}]"}},
	"listeners.*.tls.acme[*].directory":         {after: []string{"listeners.named.tls.acme[0].directory=https://127.0.0.1:2/dir"}},
	"listeners.*.tls.acme[*].hosts":             {after: []string{"listeners.named.tls.acme[0].hosts=b.example"}},
	"listeners.*.tls.client_auth.ca_file":       {[]string{"listeners.secure.tls.client_auth.mode=request"}, []string{"listeners.secure.tls.client_auth.ca_file=a.pem"}},
	"listeners.*.tls.client_auth.headers":       {[]string{"listeners.secure.tls.client_auth.mode=request"}, []string{"listeners.secure.tls.client_auth.headers={X-Subject: subject}"}},
	"listeners.*.limits.header_bytes":           {after: []string{"listeners.web.limits.header_bytes=8KiB"}},
	"listeners.*.limits.min_rate":               {after: []string{"listeners.web.limits.min_rate=1KiB"}},
	"listeners.*.tls.acme[*].storage":           {after: []string{"listeners.named.tls.acme[0].storage=store2"}},
	"listeners.*.tls.acme[*].eab.key_id":        {[]string{eabOf + "{key_id: a, hmac_key: c2Vj}"}, []string{eabOf + "{key_id: b, hmac_key: c2Vj}"}},
	"listeners.*.tls.acme[*].eab.hmac_key":      {[]string{eabOf + "{key_id: a, hmac_key: c2Vj}"}, []string{eabOf + "{key_id: a, hmac_key: c2Vk}"}},
	"listeners.*.tls.acme[*].dns.provider":      {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsOf + "{provider: route53}"}},
	"listeners.*.tls.acme[*].dns.propagation":   {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "propagation=1m"}},
	"listeners.*.tls.acme[*].dns.resolvers":     {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "resolvers=127.0.0.1:1"}},
	"listeners.*.tls.acme[*].dns.zone":          {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "zone=a.example"}},
	"listeners.*.tls.acme[*].dns.zone_id":       {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "zone_id=abc"}},
	"listeners.*.tls.acme[*].dns.endpoint":      {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "endpoint=http://127.0.0.1:1"}},
	"listeners.*.tls.acme[*].dns.token":         {[]string{dnsOf + "{provider: cloudflare, token: a}"}, []string{dnsAt + "token=b"}},
	"listeners.*.tls.acme[*].dns.region":        {[]string{dnsOf + "{provider: route53}"}, []string{dnsAt + "region=a"}},
	"listeners.*.tls.acme[*].dns.access_key":    {[]string{dnsOf + "{provider: route53, access_key: a, secret_key: b}"}, []string{dnsAt + "access_key=c"}},
	"listeners.*.tls.acme[*].dns.secret_key":    {[]string{dnsOf + "{provider: route53, access_key: a, secret_key: b}"}, []string{dnsAt + "secret_key=c"}},
	"listeners.*.tls.acme[*].dns.server":        {[]string{dnsOf + "{provider: rfc2136, server: \"127.0.0.1:1\"}"}, []string{dnsAt + "server=127.0.0.1:2"}},
	"listeners.*.tls.acme[*].dns.key_name":      {[]string{dnsOf + "{provider: rfc2136, server: \"127.0.0.1:1\", key_name: a, key_secret: c2Vj}"}, []string{dnsAt + "key_name=b"}},
	"listeners.*.tls.acme[*].dns.key_algorithm": {[]string{dnsOf + "{provider: rfc2136, server: \"127.0.0.1:1\", key_name: a, key_secret: c2Vj}"}, []string{dnsAt + "key_algorithm=hmac-sha512"}},
	"listeners.*.tls.acme[*].dns.key_secret":    {[]string{dnsOf + "{provider: rfc2136, server: \"127.0.0.1:1\", key_name: a, key_secret: c2Vj}"}, []string{dnsAt + "key_secret=c2Vk"}},
	"listeners.*.tls.acme[*].dns.exec":          {[]string{dnsOf + "{provider: exec, exec: [/bin/true]}"}, []string{dnsAt + "exec=/bin/false"}},
	"listeners.*.tls.acme[*].dns.timeout":       {[]string{dnsOf + "{provider: exec, exec: [/bin/true]}"}, []string{dnsAt + "timeout=2m"}},
	"listeners.*.tls.hsts.max_age":              {after: []string{"listeners.secure.tls.hsts.max_age=1h"}},
	"listeners.*.tls.hsts.preload":              {[]string{"listeners.secure.tls.hsts.include_subdomains=true"}, []string{"listeners.secure.tls.hsts.preload=true"}},
	"log.access.fields":                         {[]string{"log.access.enabled=true"}, []string{"log.access.fields=status"}},
	"log.access.format":                         {[]string{"log.access.enabled=true"}, []string{"log.access.format=logfmt"}},
	"log.access.redact":                         {after: []string{"log.access.redact=X-Secret"}},
	"log.access.sample":                         {[]string{"log.access.enabled=true"}, []string{"log.access.sample=0.25"}},
	"log.access.slow":                           {[]string{"log.access.enabled=true"}, []string{"log.access.slow=500ms"}},
	"pools.*.health_check.expect_status":        {after: []string{"pools.p.health_check.expect_status=204"}},
	"pools.*.health_check.interval":             {after: []string{"pools.p.health_check.interval=2h"}},
	"pools.*.health_check.path":                 {after: []string{"pools.p.health_check.path=/alive"}},
	"pools.*.limits.header_bytes":               {after: []string{"pools.p.limits.header_bytes=8KiB"}},
	"pools.*.protocol":                          {after: []string{"pools.p.protocol=h2c"}},
	"routes.*.respond.content_type":             {after: []string{"routes.say.respond.content_type=text/html"}},
	"routes.*.respond.status":                   {after: []string{"routes.say.respond.status=202"}},
	"routes.*.path_regex":                       {after: []string{"routes.api.path_regex=^/v[0-9]+/"}},
	"routes.*.listeners":                        {after: []string{"routes.api.listeners=web"}},
	"routes.*.pool":                             {after: []string{"routes.api.pool=q"}},
	"routes.*.split":                            {after: []string{"routes.mix.split={p: 1, q: 3}"}},
	"routes.*.middleware":                       {[]string{"middleware.m={type: deny}"}, []string{"routes.api.middleware=m"}},
	"routes.*.mirror.pool":                      {after: []string{"routes.api.mirror={pool: q}"}},
	"routes.*.mirror.percent":                   {after: []string{"routes.api.mirror={pool: q, percent: 2}"}},
	"routes.*.redirect.to":                      {after: []string{"routes.to.redirect.to=https://b.example/"}},
	"defaults.retry.on":                         {after: []string{"defaults.retry.on=reset"}},
	"routes.*.retry.on":                         {after: []string{"routes.api.retry.on=reset"}},
	"routes.*.hedge.after":                      {after: []string{"routes.api.hedge.after=70ms"}},
	"pools.*.hash_on":                           {[]string{"pools.p.algorithm=consistent_hash"}, []string{"pools.p.hash_on=path"}},
	"pools.*.backends[*].address":               {after: []string{"pools.p.backends[0].address=127.0.0.1:3"}},
	"pools.*.discovery.dns.name":                {after: []string{"pools.d.discovery.dns.name=b.internal"}},
	"pools.*.discovery.dns.resolver":            {after: []string{"pools.d.discovery.dns.resolver=127.0.0.1:2"}},
	"pools.*.health_check.service":              {[]string{"pools.p.health_check.type=grpc"}, []string{"pools.p.health_check.service=shop.Cart"}},
	"pools.*.sticky.path":                       {after: []string{"pools.p.sticky.path=/below"}},
	"pools.*.sticky.secret":                     {after: []string{"pools.p.sticky.secret=0123456789abcdef0123456789abcdef"}},
	"pools.*.tls.server_name":                   {[]string{"pools.p.tls.enabled=true"}, []string{"pools.p.tls.server_name=api.internal"}},
	"pools.*.tls.ca_file":                       {[]string{"pools.p.tls.enabled=true"}, []string{"pools.p.tls.ca_file=a.pem"}},
	"pools.*.tls.cert_file":                     {[]string{"pools.p.tls.enabled=true"}, []string{"pools.p.tls.cert_file=a.pem", "pools.p.tls.key_file=a.key"}},
	"pools.*.tls.key_file":                      {[]string{"pools.p.tls.enabled=true"}, []string{"pools.p.tls.cert_file=a.pem", "pools.p.tls.key_file=a.key"}},
	"pools.*.tls.insecure_skip_verify":          {[]string{"pools.p.tls.enabled=true"}, []string{"pools.p.tls.insecure_skip_verify=true"}},
	"tracing.enabled":                           {after: []string{"tracing.enabled=true"}},
	"tracing.sample":                            {after: []string{"tracing={enabled: true, sample: 0.5}"}},
	"routes.*.files.root":                       {after: []string{"routes.site.files.root=.."}},
	"routes.*.files.fallback":                   {after: []string{"routes.site.files.fallback=a.pem"}},
	"routes.*.respond.file":                     {[]string{"routes.say.respond.body="}, []string{"routes.say.respond.file=a.pem"}},
	"routes.*.skip":                             {[]string{"middleware.m={type: deny}", "defaults.middleware=m"}, []string{"routes.api.skip=m"}},
	"routes.*.mirror.compare":                   {after: []string{"routes.api.mirror={pool: q, compare: true}"}},
	"defaults.middleware":                       {[]string{"middleware.m={type: deny}"}, []string{"defaults.middleware=m"}},
	"middleware.*:api_key.in":                   stageChange("api_key", "in", "query:key"),
	"middleware.*:api_key.keys":                 stageChange("api_key", "keys", "[{name: b, sha256: "+otherSum+"}]"),
	"middleware.*:api_key.keys[*].sha256":       stageChange("api_key", "keys[0].sha256", otherSum),
	"middleware.*:api_key.keys_file":            stageChange("api_key", "keys_file", "keys.txt"),
	"middleware.*:basic_auth.users":             stageChange("basic_auth", "users", "b:"+cheapHash),
	"middleware.*:basic_auth.users_file":        stageChange("basic_auth", "users_file", "users.txt"),
	"middleware.*:ip_filter.files":              stageChange("ip_filter", "files", "networks.txt"),
	"middleware.*:jwt.algorithms":               stageChange("jwt", "algorithms", "RS256"),
	"middleware.*:jwt.claims":                   stageChange("jwt", "claims", "{scope: [read]}"),
	"middleware.*:jwt.headers":                  stageChange("jwt", "headers", "{X-User: sub}"),
	"middleware.*:jwt.in":                       stageChange("jwt", "in", "query:token"),
	"middleware.*:jwt.jwks_file":                {stageChange("jwt", "", "").before, []string{"middleware.m={type: jwt, jwks_file: set.json, algorithms: [ES256]}"}},
	"middleware.*:jwt.jwks_url":                 stageChange("jwt", "jwks_url", "https://127.0.0.1:1/other"),
	"middleware.*:jwt.key_file":                 {stageChange("jwt", "", "").before, []string{"middleware.m={type: jwt, key_file: a.pem, algorithms: [ES256]}"}},
	"middleware.*:chain.stages": {
		[]string{"middleware.m={type: chain, stages: [a]}", "middleware.a={type: deny}", "middleware.b={type: headers}", "routes.api.middleware=m"},
		[]string{"middleware.m.stages=b"},
	},
	"middleware.*:compress.types":                   inUse("{type: compress, types: [text/html]}"),
	"middleware.*:headers.request.replace[*].with":  inUse(`{type: headers, request: {replace: [{name: A, regex: "(a)", with: "$1"}]}}`),
	"middleware.*:headers.response.replace[*].with": inUse(`{type: headers, response: {replace: [{name: A, regex: "(a)", with: "$1"}]}}`),
	"middleware.*:forward_auth.tls.cert_file":       inUse(`{type: forward_auth, url: "http://127.0.0.1:1/", tls: {cert_file: a.pem, key_file: a.key}}`),
	"middleware.*:forward_auth.tls.key_file":        inUse(`{type: forward_auth, url: "http://127.0.0.1:1/", tls: {cert_file: a.pem, key_file: a.key}}`),
	"middleware.*:concurrency_limit.key":            inUse(`{type: concurrency_limit, max_requests: 5, key: route}`),
	"middleware.*:error_pages.statuses":             otherKey("error_pages", "body: x", "statuses=404"),
	"middleware.*:error_pages.path":                 otherKey("error_pages", "pool: p", "path=/other"),
	"middleware.*:error_pages.pool":                 otherKey("error_pages", "pool: p", "pool=q"),
	"middleware.*:error_pages.file":                 otherKey("error_pages", "file: a.pem", "file=b.pem"),
	"middleware.*:count.labels":                     otherKey("count", "max_series: 5", "labels={a: x}"),
	"middleware.*:fault.reset":                      otherKey("fault", "percent: 5", "reset=true"),
	"middleware.*:fault.key":                        otherKey("fault", "percent: 5, abort: 500", "key=source_ip"),
	"middleware.*:mirror.pool":                      otherKey("mirror", "pool: p", "pool=q"),
	"middleware.*.type":                             inUse("{type: deny}"),
	"middleware.*.when":                             inUse("{type: deny, when: {path: /a}}"),
	"middleware.*.unless":                           inUse("{type: deny, unless: {path: /a}}"),
	"middleware.*.when[*].hosts":                    inUse("{type: deny, when: {hosts: [a.example]}}"),
	"middleware.*.when[*].hosts_regex":              inUse("{type: deny, when: {hosts_regex: [a]}}"),
	"middleware.*.when[*].path":                     inUse("{type: deny, when: {path: /a}}"),
	"middleware.*.when[*].path_prefix":              inUse("{type: deny, when: {path_prefix: /a}}"),
	"middleware.*.when[*].path_regex":               inUse("{type: deny, when: {path_regex: a}}"),
	"middleware.*.when[*].methods":                  inUse("{type: deny, when: {methods: [GET]}}"),
	"middleware.*.when[*].headers":                  inUse("{type: deny, when: {headers: {a: b}}}"),
	"middleware.*.when[*].query":                    inUse("{type: deny, when: {query: {a: b}}}"),
	"middleware.*.when[*].client_ips":               inUse("{type: deny, when: {client_ips: [10.0.0.0/8]}}"),
	"middleware.*.when[*].sni":                      inUse("{type: deny, when: {sni: [a.example]}}"),
	"middleware.*.when[*].protocol":                 inUse("{type: deny, when: {protocol: [h2]}}"),
	"middleware.*.when[*].not":                      inUse("{type: deny, when: {not: {path: /a}}}"),
	"middleware.*:cors.max_age": {
		[]string{"middleware.m={type: cors, allow_origins: [https://b.example]}", "routes.api.middleware=m"}, []string{"middleware.m.max_age=1h"},
	},
	"middleware.*:maintenance.retry_after": {
		[]string{"middleware.m={type: maintenance}", "routes.api.middleware=m"}, []string{"middleware.m.retry_after=1h"},
	},
	"middleware.*:security_headers.hsts.max_age": {
		[]string{"middleware.m={type: security_headers, hsts: {}}", "routes.api.middleware=m"}, []string{"middleware.m.hsts.max_age=1h"},
	},
	"middleware.*:security_headers.hsts.preload": {
		[]string{"middleware.m={type: security_headers, hsts: {include_subdomains: true}}", "routes.api.middleware=m"},
		[]string{"middleware.m.hsts.preload=true"},
	},
	"middleware.*:rate_limit.key":                       inUse(`{type: rate_limit, key: route}`),
	"middleware.*:rate_limit.burst":                     inUse(`{type: rate_limit, burst: 7}`),
	"middleware.*:rate_limit.limits[*].key":             otherKey("rate_limit", "limits: [{name: a}]", "limits[0].key=route"),
	"middleware.*:rate_limit.limits[*].rate":            otherKey("rate_limit", "limits: [{name: a}]", "limits[0].rate=7"),
	"middleware.*:rate_limit.limits[*].per":             otherKey("rate_limit", "limits: [{name: a}]", "limits[0].per=2s"),
	"middleware.*:rate_limit.limits[*].burst":           otherKey("rate_limit", "limits: [{name: a}]", "limits[0].burst=7"),
	"middleware.*:rate_limit.store.redis.password":      otherKey("rate_limit", redisBase, "store.redis.password=x"),
	"middleware.*:rate_limit.store.redis.tls.cert_file": otherKey("rate_limit", redisBase, "store.redis.tls={cert_file: a.pem, key_file: a.key}"),
	"middleware.*:rate_limit.store.redis.tls.key_file":  otherKey("rate_limit", redisBase, "store.redis.tls={cert_file: a.pem, key_file: a.key}"),
	"middleware.*:redirect.map_file": {
		[]string{"middleware.m={type: redirect, to: /a}", "routes.api.middleware=m"}, []string{"middleware.m.map_file=moved.txt"},
	},
	"middleware.*:rewrite.regex": {
		[]string{"middleware.m={type: rewrite}", "routes.api.middleware=m"}, []string{"middleware.m.regex=^/a", "middleware.m.with=/b"},
	},
	"middleware.*:rewrite.with": {
		[]string{"middleware.m={type: rewrite, regex: \"^/a\", with: /b}", "routes.api.middleware=m"}, []string{"middleware.m.with=/c"},
	},
	"middleware.*:rewrite.answers": {
		[]string{"middleware.m={type: rewrite, strip_prefix: /a}", "routes.api.middleware=m"}, []string{"middleware.m.answers=true"},
	},

	"listeners.*.tls.hosts.*.client_auth.ca_file": termsChange("{client_auth: {mode: request}}", "client_auth.ca_file=a.pem"),
	"listeners.*.tls.hosts.*.client_auth.headers": termsChange("{client_auth: {mode: request}}", "client_auth.headers={X-Subject: subject}"),
	"listeners.*.tls.hosts.*.client_auth.mode":    termsChange("{client_auth: {mode: none}}", "client_auth.mode=request"),
	"listeners.*.tls.hosts.*.min_version":         termsChange("{client_auth: {mode: none}}", "min_version=1.3"),
}

// termsChange is the change of one key of the terms of a name.
func termsChange(before, after string) change {
	return change{[]string{"listeners.secure.tls.hosts={a.example: " + before + "}"}, []string{`listeners.secure.tls.hosts."a.example".` + after}}
}

// What the dns section of an issuer is set by, one key of it, and the eab section.
const (
	dnsOf = "listeners.named.tls.acme[0].dns="
	dnsAt = "listeners.named.tls.acme[0].dns."
	eabOf = "listeners.named.tls.acme[0].eab="
)

// inUse is the change of a stage of a route into another one.
func inUse(stage string) change {
	return change{[]string{"middleware.m={type: headers}", "routes.api.middleware=m"}, []string{"middleware.m=" + stage}}
}

// otherKey is the change of one key of a stage that has other keys beside it.
func otherKey(stage, base, after string) change {
	return change{[]string{"middleware.m={type: " + stage + ", " + base + "}", "routes.api.middleware=m"}, []string{"middleware.m." + after}}
}

// Hashes of a key, of another one, and of a password.
const (
	someSum   = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	otherSum  = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
	cheapHash = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"
)

// stageChange is the change of one key of a stage of a route.
func stageChange(stage, key, value string) change {
	return change{
		before: []string{"middleware.m={type: " + stage + stageBases[stage] + "}", "routes.api.middleware=m"},
		after:  []string{"middleware.m." + key + "=" + value},
	}
}

// writeLists writes the files that stages read, one of each kind.
func writeLists(t *testing.T, dir string) {
	t.Helper()
	for file, text := range map[string]string{
		"keys.txt": "b:" + otherSum, "users.txt": "b:" + cheapHash, "networks.txt": "192.0.2.0/24", "moved.txt": "/a /b\n",
		"set.json": `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// redisBase is a store that limits may be shared by.
const redisBase = `store: {redis: {address: "127.0.0.1:1"}}`

// stageBases are the keys that a stage has on both sides, by type.
var stageBases = map[string]string{
	"mirror":            ", pool: q",
	"fault":             ", percent: 5, abort: 500",
	"error_pages":       ", body: x",
	"chain":             ", stages: [other]",
	"forward_auth":      ", url: \"http://127.0.0.1:1/\"",
	"redirect":          ", to: /a",
	"headers":           ", request: {replace: [{name: A, regex: a, with: b}]}, response: {replace: [{name: A, regex: a, with: b}]}",
	"bandwidth_limit":   ", response: 1KiB, key: route",
	"concurrency_limit": ", max_requests: 5",
	"api_key":           ", keys: [{name: a, sha256: " + someSum + "}]",
	"basic_auth":        ", users: [\"a:" + cheapHash + "\"]",
	"ip_filter":         ", deny: [192.0.2.1]",
	"jwt":               ", jwks_url: \"https://127.0.0.1:1/keys\", algorithms: [ES256]",
	"buffer_limit":      ", body_bytes: 1KiB",
	"cors":              ", allow_origins: [https://b.example]",
	"timeout":           ", timeout: 1s",
	"rate_limit":        ", " + redisBase,
}

// changeOf is the special change of a key, or another value of its type: the
// example of the reference, where there is one and it is not the default.
func changeOf(t *testing.T, key string) change {
	t.Helper()
	if c, ok := special[key]; ok {
		return c
	}
	if stage, of, ok := strings.Cut(strings.TrimPrefix(key, "middleware.*:"), "."); ok && strings.HasPrefix(key, "middleware.*:") {
		return stageChange(stage, strings.ReplaceAll(of, "[*]", "[0]"), otherValue(schemaKeys()[key]))
	}
	return change{after: []string{placeOf(key) + "=" + otherValue(schemaKeys()[key])}}
}

// placeOf is where schemaBase has a key.
func placeOf(key string) string {
	longest := ""
	for pattern := range places {
		if len(pattern) > len(longest) && (key == pattern || strings.HasPrefix(key, pattern+".")) {
			longest = pattern
		}
	}
	return strings.ReplaceAll(places[longest]+key[len(longest):], "[*]", "[0]")
}

// otherValue is a value that is not the default.
func otherValue(f reflect.StructField) string {
	tag, def := f.Tag, f.Tag.Get("default")
	for value := range strings.SplitSeq(tag.Get("enum"), "|") {
		if value != "" && value != def {
			return value
		}
	}
	if example := strings.Trim(tag.Get("example"), `"`); example != "" && example != def && tag.Get("file") == "" {
		return example
	}
	switch {
	case f.Type == reflect.TypeFor[config.Size]():
		return "7KiB"
	case f.Type == reflect.TypeFor[time.Duration]():
		return "700ms"
	case f.Type.Kind() == reflect.Bool:
		return map[bool]string{true: "false", false: "true"}[def == "true"]
	case f.Type.Kind() == reflect.Slice:
		return "GET"
	case f.Type.Kind() == reflect.String && tag.Get("file") == "true":
		return "a.pem"
	case f.Type.Kind() == reflect.String:
		return "other"
	case tag.Get("max") == "599":
		return "499"
	case f.Type.Kind() == reflect.Float64 && tag.Get("max") == "1":
		return "0.25"
	default:
		return "7"
	}
}

// writePairs writes a self-signed certificate and its key, NAME.pem and NAME.key, for each name.
func writePairs(t *testing.T, dir string, names ...string) {
	t.Helper()
	for i, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), DNSNames: []string{name + ".example"}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}
		certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{
			name + ".pem": {Type: "CERTIFICATE", Bytes: certificate}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
		} {
			if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
