package ctl

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// predicates are those of a route that asks for hosts and a path.
func predicates(hosts []string, path api.PathMatch) api.RoutePredicates {
	return api.RoutePredicates{Hosts: hosts, Path: path, Methods: []string{}, Headers: map[string]api.ValueMatch{}, Query: map[string]api.ValueMatch{}}
}

func TestDescribe(t *testing.T) {
	c := &config.Config{
		Listeners: map[string]config.Listener{
			"web": {Address: ":8080"}, "tls": {Address: ":8443", TLS: &config.ListenerTLS{}},
		},
		Routes: map[string]config.Route{
			"b": {Predicates: config.Predicates{Path: "/x"}, Redirect: &config.Redirect{To: "https://{host}{uri}", Status: 308}},
			"a": {Predicates: config.Predicates{PathPrefix: "/api", Hosts: []string{"h"}}, Pool: "p", Timeout: 1500 * time.Millisecond, Priority: 2, Middleware: []string{"m", "all"}},
			"c": {Predicates: config.Predicates{PathRegex: "^/v"}, Respond: &config.Respond{Status: 200, Body: "ok", ContentType: "text/plain"}},
			"d": {Split: map[string]int{"p": 95, "q": 5}, Skip: []string{"every"}},
			"e": {Predicates: config.Predicates{Path: "/e"}, Files: &config.Files{Root: "/srv"}},
		},
		Defaults:   config.Defaults{Middleware: []string{"every"}},
		Middleware: map[string]config.Middleware{"all": {Stage: &config.StageChain{Stages: []string{"x", "y"}}}},
	}
	none, every := []string{}, []string{"every"}
	wantRoutes := []api.RouteStatus{
		{
			Name: "a", Listeners: none, RoutePredicates: predicates([]string{"h"}, api.PathMatch{Kind: api.PathPrefix, Value: "/api"}), Priority: 2,
			Middleware: []string{"every", "m", "x", "y"}, Action: api.Action{Kind: api.ActionPool, Pool: "p"}, TimeoutSeconds: 1.5,
		},
		{
			Name: "b", Listeners: none, RoutePredicates: predicates(none, api.PathMatch{Kind: api.PathExact, Value: "/x"}), Middleware: every,
			Action: api.Action{Kind: api.ActionRedirect, Redirect: &api.Redirect{To: "https://{host}{uri}", Status: 308}},
		},
		{
			Name: "c", Listeners: none, RoutePredicates: predicates(none, api.PathMatch{Kind: api.PathRegex, Value: "^/v"}), Middleware: every,
			Action: api.Action{Kind: api.ActionRespond, Respond: &api.Respond{Status: 200, ContentType: "text/plain", BodyBytes: 2}},
		},
		{
			Name: "d", Listeners: none, RoutePredicates: predicates(none, api.PathMatch{Kind: api.PathAny}), Middleware: none,
			Action: api.Action{Kind: api.ActionSplit, Split: map[string]int{"p": 95, "q": 5}},
		},
		{
			Name: "e", Listeners: none, RoutePredicates: predicates(none, api.PathMatch{Kind: api.PathExact, Value: "/e"}), Middleware: every,
			Action: api.Action{Kind: api.ActionFiles, Files: &api.Files{Root: "/srv"}},
		},
	}
	if got := DescribeRoutes(&config.Loaded{Config: c}); !reflect.DeepEqual(got, wantRoutes) {
		t.Errorf("got %+v; want %+v", got, wantRoutes)
	}
	wantListeners := []api.ListenerStatus{{Name: "tls", Address: ":8443", TLS: true}, {Name: "web", Address: ":8080"}}
	if got := DescribeListeners(c); !reflect.DeepEqual(got, wantListeners) {
		t.Errorf("got %+v; want %+v", got, wantListeners)
	}
}

// What a route wants of a field that holds a secret is shown to nobody.
func TestRoutesShowNoSecret(t *testing.T) {
	match := map[string]config.Match{
		"X-API-Key": {Is: "hidden-1"}, "Authorization": {Regex: "^hidden-2"}, "Cookie": {Is: "*"}, "X-Env": {Is: "shown"}, "X-Auth-Token": {Absent: true},
	}
	got := DescribeRoutes(&config.Loaded{Config: &config.Config{Routes: map[string]config.Route{"a": {
		Predicates: config.Predicates{Headers: match, Query: map[string]config.Match{"access_token": {Is: "hidden-3"}}}, Not: []config.Predicates{{Headers: match}},
	}}}})[0]
	want := map[string]api.ValueMatch{
		"X-API-Key": {Is: "***"}, "Authorization": {Regex: "***"}, "Cookie": {Is: "*"}, "X-Env": {Is: "shown"}, "X-Auth-Token": {Absent: true},
	}
	if !reflect.DeepEqual(got.Headers, want) || !reflect.DeepEqual(got.Not[0].Headers, want) || got.Query["access_token"].Is != "***" {
		t.Errorf("got %+v, query %+v, not %+v; want %+v", got.Headers, got.Query, got.Not[0].Headers, want)
	}
}

// What a reference stands for is shown nowhere, whatever it is written for.
func TestRoutesShowReferences(t *testing.T) {
	l, err := config.Load(config.Options{Environ: []string{"HIDDEN=hidden.example"}, Data: []byte(`listeners: {web: {address: ":8080"}}
routes:
  a.b:
    hosts: ["${ENV:HIDDEN}"]
    hosts_regex: ["${ENV:HIDDEN}"]
    path_regex: "/${ENV:HIDDEN}"
    headers: {X-Env: "${ENV:HIDDEN}", X-Re: {regex: "^${ENV:HIDDEN}"}}
    query: {q: "${ENV:HIDDEN}", shown: "${ENV:NOTHING:-otherwise}"}
    sni: ["${ENV:HIDDEN}"]
    not: [{headers: {X-Not: "${ENV:HIDDEN}"}}]
    redirect: {to: "https://${ENV:HIDDEN}{uri}"}
  c: {path: "/${ENV:HIDDEN}", redirect: {to: "https://me:hidden-too@there.example/?access_token=hidden-three&a=b"}}
  d: {path_prefix: "/${ENV:HIDDEN}", respond: {status: 200}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(DescribeRoutes(l))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hidden") || strings.Count(string(text), "${ENV:HIDDEN}") != 11 {
		t.Errorf("got %s; want references in 11 places, and nothing that is hidden", text)
	}
	for _, want := range []string{`"is":"otherwise"`, `https://me:***@there.example/?access_token=***\u0026a=b`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got %s; want %s in it", text, want)
		}
	}
}
