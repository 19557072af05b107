package middleware

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// explainStages has a stage of each built-in type but chain, some more than once.
const explainStages = `
listeners: {web: {address: ":0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "a:1"}]}}
middleware:
  sessions: {type: affinity}
  key: {type: api_key, keys: [{name: ann, sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}]}
  slow: {type: bandwidth_limit, response: 1000B}
  login: {type: basic_auth, users: ["a:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"]}
  whole: {type: buffer}
  small: {type: buffer_limit, body_bytes: 10B}
  zipped: {type: compress}
  few: {type: concurrency_limit, max_requests: 2}
  told: {type: count, labels: {method: "{method}"}}
  cookies: {type: cookies, remove: [a]}
  origins: {type: cors, allow_origins: ["https://www.example.com"]}
  no: {type: deny, status: 418, when: {methods: [DELETE]}}
  cut: {type: deny, close: true, unless: {methods: [GET, POST, OPTIONS, DELETE]}}
  pages: {type: error_pages, body: sorry}
  some: {type: fault, percent: 50, abort: 503}
  always: {type: fault, percent: 100, abort: 503, when: {path: /fail}}
  keyed: {type: fault, percent: 50, abort: 503, key: path}
  ask: {type: forward_auth, url: "http://127.0.0.1:9/check"}
  fields: {type: headers, request: {set: {X-A: "1"}, remove: [X-B]}, response: {add: {X-C: "2"}}}
  networks: {type: ip_filter, deny: [10.0.0.0/8]}
  token: {type: jwt, key_file: KEYFILE, algorithms: [HS256], when: {path_prefix: /jwt}}
  maybe: {type: jwt, key_file: KEYFILE, algorithms: [HS256], optional: true}
  down: {type: maintenance, when: {path_prefix: /down}, allow: [192.0.2.0/24]}
  copies: {type: mirror, pool: p, percent: 100}
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 2}
  dry: {type: rate_limit, rate: 1, per: 1h, burst: 1, dry_run: true}
  away: {type: redirect, to: "https://{host}{uri}", regex: "^http://old"}
  id: {type: request_id}
  path: {type: rewrite, strip_prefix: /api, add_prefix: /v2}
  answers: {type: rewrite, strip_prefix: /api, answers: true}
  safe: {type: security_headers}
  quick: {type: timeout, timeout: 1s}
`

var explainRequests = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /api/x?y HTTP/1.1\r\nHost: old.test\r\nX-API-Key: secret\r\nOrigin: https://www.example.com\r\n\r\n",
	"OPTIONS /api HTTP/1.1\r\nHost: a\r\nOrigin: https://www.example.com\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
	"DELETE /down HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n",
	"PATCH /jwt HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x.y.z\r\n\r\n",
	"POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nAccept-Encoding: gzip\r\n\r\n",
}

// explainSet makes the stages.
func explainSet(t *testing.T) (*Set, *config.Config) {
	t.Helper()
	key := t.TempDir() + "/key"
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(config.Options{File: "test.yaml", Data: []byte(strings.ReplaceAll(explainStages, "KEYFILE", key))})
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Config: loaded.Config, Registry: observe.NewRegistry(1), Logger: zerolog.Nop(), Shards: 1, Book: &Book{}}
	env.Book.Begin()
	t.Cleanup(func() { env.Book.End(false) })
	s, err := Build(env)
	if err != nil {
		t.Fatal(err)
	}
	return s, loaded.Config
}

// What is said of a stage, where it is sure, is what the stage does with the same request,
// asked before and after; and there is something to say of each type.
func TestExplainAgreesWithTheStage(t *testing.T) {
	s, cfg := explainSet(t)
	types := map[string]bool{"chain": true}
	sure := 0
	for name, m := range cfg.Middleware {
		types[m.Type] = true
		ch, err := s.Chain([]config.Link{{Name: name}})
		if err != nil || ch == nil {
			t.Fatalf("%s: got %v, %v; want a chain", name, ch, err)
		}
		for _, text := range explainRequests {
			said, v := ch.Explain(waiting(t, text))
			again, _ := ch.Explain(waiting(t, text))
			if !slices.Equal(said, again) {
				t.Errorf("%s: %q is said first, and then %q", name, said, again)
			}
			if len(said) != 1 || said[0].Name != name || said[0].Type != m.Type || said[0].Says == "" {
				t.Fatalf("%s: got %+v", name, said)
			}
			if said[0].Outcome == Unsure {
				continue
			}
			sure++
			if got := ch.Request(waiting(t, text)); got != v {
				t.Errorf("%s says %q of %q; the stage says %v, not %v", name, said, text[:20], got, v)
			}
		}
	}
	for _, name := range config.StageTypes() {
		if !types[name] {
			t.Errorf("there is no stage of type %s in this test", name)
		}
	}
	if sure < 100 {
		t.Errorf("only %d explanations were sure", sure)
	}
}

// waiting is a call that may wait.
func waiting(t *testing.T, text string) *stage.Call {
	t.Helper()
	c := newCall(t, text)
	c.MayWait = true
	return c
}

func TestExplainStopsWhereARequestEnds(t *testing.T) {
	s, _ := explainSet(t)
	ch, err := s.Chain([]config.Link{{Name: "fields"}, {Name: "some"}, {Name: "no"}, {Name: "path"}, {Name: "origins"}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n":                                                   "origins passes, fields passes, some unsure, no skipped, path passes",
		"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n":                                                     "origins passes, fields passes, some unsure, no answers, path unreached",
		"OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nAccess-Control-Request-Method: PUT\r\n\r\n": "origins answers, fields unreached, some unreached, no unreached, path unreached",
	} {
		all, _ := ch.Explain(newCall(t, text))
		var got []string
		for _, e := range all {
			got = append(got, e.Name+" "+string(e.Outcome))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("got %s; want %s", strings.Join(got, ", "), want)
		}
	}
}

func TestExplainSaysWhatMatters(t *testing.T) {
	s, _ := explainSet(t)
	for _, c := range []struct{ stage, request, want string }{
		{"limit", explainRequests[0], "limit limit: key 192.0.2.7 has 2 of 2 left"},
		{"few", explainRequests[0], "key 192.0.2.7 has 0 of 2 requests in progress"},
		{"key", explainRequests[0], "there is no known key in header:X-API-Key: answers 401 (unauthorized)"},
		{"key", explainRequests[1], "the key is that of ann"},
		{"path", explainRequests[1], "path /api/x becomes /v2/x"},
		{"path", explainRequests[0], "path / becomes /v2/"},
		{"away", explainRequests[1], "answers 308 with Location: https://old.test/api/x?y"},
		{"away", explainRequests[0], "it has no other location for this request"},
		{"fields", explainRequests[0], "of the request removes X-B, sets X-A; of answers adds X-C"},
		{"networks", explainRequests[0], "client 192.0.2.7 may pass"},
		{"no", explainRequests[0], `its when does not hold: method "GET" is not one of DELETE`},
		{"no", explainRequests[3], "answers 418 (denied)"},
		{"cut", explainRequests[3], "its unless holds"},
		{"cut", explainRequests[4], "closes the connection"},
		{"maybe", explainRequests[0], "there is no token, and none is needed"},
		{"token", explainRequests[4], "the token is refused"},
		{"login", explainRequests[0], "there is no name and password: answers 401 (unauthorized)"},
		{"login", explainRequests[3], `the password of "a" is compared with its hash, which is not done here`},
		{"origins", explainRequests[2], "answers the preflight with 204, and allows the origin"},
		{"quick", explainRequests[0], "the answer has to begin within 1s"},
		{"whole", explainRequests[0], "holds the whole content, of up to 1048576 bytes, before a backend is asked"},
		{"sessions", explainRequests[0], "the request names no session: it is balanced as any other"},
		{"some", explainRequests[0], "50% of the requests, drawn by chance: answers 503"},
		{"copies", explainRequests[0], "100% of the requests are copied to pool p"},
		{"down", explainRequests[3], "client 192.0.2.7 is one that may pass"},
		{"slow", explainRequests[0], "the answer's content passes at 1000 bytes a second"},
		{"cookies", explainRequests[0], "changes the cookies of answers"},
	} {
		ch, err := s.Chain([]config.Link{{Name: c.stage}})
		if err != nil {
			t.Fatal(err)
		}
		if all, _ := ch.Explain(newCall(t, c.request)); !strings.Contains(all[0].Says, c.want) {
			t.Errorf("%s: got %q; want %q", c.stage, all[0].Says, c.want)
		}
	}
}

func TestExplainOfASessionDoesNotKeepIt(t *testing.T) {
	s := newSessions()
	s.ttl.Store(10)
	id := s.session([]byte("abc"))
	s.learn(id, "a:1", 0)
	for now := range int64(11) {
		if got := s.peek(id, now*1e9); got != "a:1" {
			t.Errorf("after %d seconds: got %q; want a:1", now, got)
		}
	}
	if got := s.peek(id, 11e9); got != "" {
		t.Errorf("after its time: got %q; want nobody: a look must not keep it", got)
	}
}

func TestExplainOfAFullLimitRefuses(t *testing.T) {
	s, _ := explainSet(t)
	ch, err := s.Chain([]config.Link{{Name: "limit"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ch.Request(newCall(t, explainRequests[0]))
	}
	c := newCall(t, explainRequests[0])
	if all, v := ch.Explain(c); v != stage.Answered || all[0].Outcome != Answers || !strings.Contains(all[0].Says, "has 0 of 2 left; refuses with 429 (rate_limited)") {
		t.Errorf("got %v, %+v", v, all)
	}
	other := newCall(t, explainRequests[0])
	other.Facts = &facts{client: netip.MustParseAddr("192.0.2.8")}
	if _, v := ch.Explain(other); v != stage.Next {
		t.Errorf("another client: got %v", v)
	}
}
