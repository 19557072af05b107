package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/rs/zerolog"
)

func TestExplainAsksItsSource(t *testing.T) {
	var log rig.Log
	errQuestion := errors.New("cannot explain: the URL names no host")
	s := New(Options{Address: "127.0.0.1:0", Logger: zerolog.New(&log), Sources: Sources{
		Explain: func(q *api.ExplainRequest) (*api.Explanation, error) {
			switch q.URL {
			case "/":
				return nil, errQuestion
			case "later":
				return nil, fmt.Errorf("no configuration: %w", ErrConflict)
			}
			sni := "absent"
			if q.SNI != nil {
				sni = *q.SNI
			}
			return &api.Explanation{Generation: 7, Summary: fmt.Sprintf("%s %s %v %s %s %s %s", q.Method, q.URL, q.Headers, q.PeerIP, q.Listener, sni, q.Protocol)}, nil
		},
	}})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{
			"all keys", `{"method":"PUT","url":"http://a.test/","headers":{"A":"1","B":["2","3"]},"peer_ip":"1.2.3.4","listener":"web","sni":"b.test","protocol":"h2"}`, 200,
			`"summary":"PUT http://a.test/ map[A:[1] B:[2 3]] 1.2.3.4 web b.test h2"`,
		},
		{"URL alone", `{"url":"a.test"}`, 200, `"generation":7`},
		{"no name", `{"url":"a.test","sni":""}`, 200, `"summary":" a.test map[]    "`},
		{"unknown key", `{"url":"a.test","peer":"1.2.3.4"}`, 422, `peer: unknown key (did you mean \"peer_ip\"?)`},
		{"a format alone", `{"url":"a.test","config_format":"yaml"}`, 422, "needs config beside it"},
		{"a number for a configuration", `{"url":"a.test","config":1}`, 422, "config: is not written as this key wants it"},
		{"no ledger", `{"url":"a.test","config":{}}`, 501, "explain with config"},
		{"a number for a header", `{"url":"a.test","headers":{"A":1}}`, 422, "headers.A: is not written as this key wants it"},
		{"null for a header", `{"url":"a.test","headers":{"A":null}}`, 422, "headers.A: is not written as this key wants it"},
		{"no JSON", `url`, 400, "not one JSON text"},
		{"nothing", ``, 400, "a JSON body is needed"},
		{"two values", `{"url":"a.test"}{}`, 400, "not one JSON text"},
		{"refused", `{"url":"/"}`, 422, "names no host"},
		{"not now", `{"url":"later"}`, 409, "no configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := raw(t, s, request("POST", "/api/v1/explain", jsonBody, c.body))
			if got.status != c.status || !strings.Contains(got.body, c.want) {
				t.Errorf("got %d %s; want %d with %s", got.status, got.body, c.status, c.want)
			}
		})
	}
	if text := log.String(); strings.Contains(text, "admin change") {
		t.Errorf("a question is in the log as a change: %s", text)
	}
	got := raw(t, s, request("POST", "/api/v1/explain", jsonBody+"Origin: https://evil.test\r\n", `{"url":"a.test"}`))
	if got.status != 403 {
		t.Errorf("another site: got %d %s; want 403", got.status, got.body)
	}
}

// A question may show addresses and paths: it is for those who have the token.
func TestExplainNeedsTheToken(t *testing.T) {
	s := start(t, Options{Token: "t0p", Sources: Sources{Explain: func(*api.ExplainRequest) (*api.Explanation, error) { return &api.Explanation{}, nil }}})
	for fields, want := range map[string]int{"": 401, "Authorization: Bearer t0p\r\n": 200} {
		if got := raw(t, s, request("POST", "/api/v1/explain", jsonBody+fields, `{"url":"a"}`)); got.status != want {
			t.Errorf("with %q: got %d; want %d", fields, got.status, want)
		}
	}
}

// A question may bring a configuration, as an object or as text, from those who may change
// it: what it refers to is read.
func TestExplainByAConfigurationThatDoesNotRun(t *testing.T) {
	k := started(t, plainConfig)
	var got *config.Loaded
	explained := 0
	k.server = start(t, Options{Tokens: oneOfEach(), Sources: Sources{
		Ledger:  k.ledger,
		Explain: func(*api.ExplainRequest) (*api.Explanation, error) { return &api.Explanation{Generation: 1}, nil },
		ExplainBy: func(next *config.Loaded, _ *api.ExplainRequest) (*api.Explanation, error) {
			got = next
			explained++
			return &api.Explanation{Generation: 1}, nil
		},
	}})
	object := `{"listeners":{"web":{"address":"127.0.0.1:8080"}},"routes":{"other":{"pool":"p"}},"pools":{"p":{"backends":[{"address":"127.0.0.1:1"}]}}}`
	text, err := json.Marshal(plainConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token, more string
		status            int
		want              string
	}{
		{"an object", "write", `,"config":` + object, 200, `"candidate":true`},
		{"text", "write", `,"config":` + string(text), 200, `"candidate":true`},
		{"text of a format", "write", `,"config_format":"json","config":` + strconv.Quote(object), 200, `"candidate":true`},
		{"no candidate", "observe", ``, 200, `"generation":1`},
		{"a lower role", "operate", `,"config":` + object, 403, "config needs role write"},
		{"an unknown format", "write", `,"config_format":"xml","config":""`, 422, "config_format is yaml"},
		{"a format for an object", "write", `,"config_format":"json","config":{}`, 422, "config_format is yaml"},
		{"no YAML", "write", `,"config":"a: ["`, 400, "the body cannot be read"},
		{"a bad configuration", "write", `,"config":{"routes":{"x":{"pool":"none"}}}`, 422, "none"},
		{"a reference", "write", `,"config":` + strings.Replace(object, `"127.0.0.1:8080"`, `"${ENV:HOME}"`, 1), 422, "env_names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := raw(t, k.server, request("POST", "/api/v1/explain", jsonBody+bearer("secret-"+c.token), `{"url":"a.test"`+c.more+`}`))
			if a.status != c.status || !strings.Contains(a.body, c.want) {
				t.Errorf("got %d %s; want %d with %s", a.status, a.body, c.status, c.want)
			}
		})
	}
	if explained != 3 || got == nil || got.Config.Routes["other"].Pool != "p" {
		t.Errorf("explained %d times, with %+v; want what was sent", explained, got)
	}
	large := `{"url":"a.test","config":` + strings.Replace(object, `{`, `{`+strings.Repeat(" ", 2*bodyBytesMax), 1) + `}`
	for token, want := range map[string]int{"write": 200, "observe": 413} {
		if a := raw(t, k.server, request("POST", "/api/v1/explain", jsonBody+bearer("secret-"+token), large)); a.status != want {
			t.Errorf("a large one as %s: got %d %s; want %d", token, a.status, a.body, want)
		}
	}
	k.runs(1)
}

func TestDocumentSaysThatHeadersAreTextOrLists(t *testing.T) {
	if want := `"additionalProperties":{"oneOf":[{"type":"string"},{"items":{"type":"string"},"type":"array"}]}`; !strings.Contains(string(New(Options{}).document), want) {
		t.Errorf("got no %s", want)
	}
}
