package ctl

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// oneOfEach is a token for each role; its secret and its name are those of the role.
func oneOfEach() []Token {
	var tokens []Token
	for _, r := range api.Roles() {
		tokens = append(tokens, Token{Name: "the-" + string(r), Role: r, Secret: "secret-" + string(r)})
	}
	return tokens
}

// wantRoles is who may ask for what, by operation.
var wantRoles = map[string]api.Role{
	"getIndex": public, "getAsset": public, "getHealth": public, "getReady": public, "openSession": public, "endSession": public,
	"getMetrics": api.RoleMetrics,
	"getOpenAPI": api.RoleRead, "getStatus": api.RoleRead, "listPools": api.RoleRead, "getPool": api.RoleRead,
	"listRoutes": api.RoleRead, "listListeners": api.RoleRead, "getConfig": api.RoleRead,
	"listCertificates": api.RoleRead, "listInstances": api.RoleRead, "streamLive": api.RoleRead, "getBackend": api.RoleRead, "listLimits": api.RoleObserve, "listRecords": api.RoleObserve, "blame": api.RoleObserve, "headroom": api.RoleRead, "support": api.RoleWrite, "getRecords": api.RoleObserve, "streamEvents": api.RoleRead, "streamTap": api.RoleObserve, "explain": api.RoleObserve,
	"upgrade": api.RoleWrite, "listProfiles": api.RoleWrite, "getProfile": api.RoleWrite,
	"listOverlay": api.RoleRead, "getOverride": api.RoleRead, "clearOverlay": api.RoleOperate, "clearOverride": api.RoleOperate,
	"writeOverlay": api.RoleWrite,
	"addBackend":   api.RoleOperate, "removeBackend": api.RoleOperate, "patchBackend": api.RoleOperate, "reload": api.RoleOperate,
	"putConfig":   api.RoleWrite, // dry_run reads what the body refers to
	"patchConfig": api.RoleWrite, "planConfig": api.RoleWrite,
	"getSection": api.RoleRead, "putSection": api.RoleWrite, "patchSection": api.RoleWrite, "deleteSection": api.RoleWrite,
	"getObject": api.RoleRead, "putObject": api.RoleWrite, "patchObject": api.RoleWrite, "deleteObject": api.RoleWrite,
	"listHistory": api.RoleRead, "getGeneration": api.RoleRead, "whyConfig": api.RoleRead,
	"confirmConfig": api.RoleOperate, "rollbackConfig": api.RoleOperate,
}

// TestRolesReachWhatTheyMay asks for every endpoint with the token of every role, and
// with none.
func TestRolesReachWhatTheyMay(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach(), MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	for i := range s.endpoints {
		e := &s.endpoints[i]
		want, known := wantRoles[e.doc.id]
		if !known || e.role != want {
			t.Errorf("%s: got role %q; want %q, and a line in this test", e.doc.id, e.role, want)
		}
		path := strings.NewReplacer("{pool}", "api", "{address}", "10.0.0.1:8080", "{profile}", "heap").Replace(e.pattern)
		method := finite(e.method, e.pattern)
		if got := raw(t, s, request(method, path, "", "")); (got.status == 401) != (want != public) && e.doc.id != "openSession" {
			t.Errorf("%s without a token: got %d; want a refusal unless it is public", e.doc.id, got.status)
		}
		for _, has := range api.Roles() {
			got := raw(t, s, request(method, path, bearer("secret-"+string(has)), ""))
			if got.status == 401 || (got.status == 403) == (want == public || has.Includes(want)) {
				t.Errorf("%s with role %s: got %d %s; want it answered as role %s says", e.doc.id, has, got.status, got.body, want)
			}
			if got.status == 403 && method != "HEAD" && !strings.Contains(got.body, "role "+string(want)+" is needed") {
				t.Errorf("%s with role %s: got %s; want the role that is needed", e.doc.id, has, got.body)
			}
		}
	}
}

func TestForgottenRoleAsksForMost(t *testing.T) {
	if got := (&endpoint{method: "GET"}).needs(); got != api.RoleWrite {
		t.Errorf("got %q; want write", got)
	}
}

// lines is a log whose lines are looked for.
type lines struct{ rig.Log }

// find is the last line with a message, or nil.
func (l *lines) find(t *testing.T, message string) map[string]any {
	t.Helper()
	var found map[string]any
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["message"] == message {
			found = fields
		}
	}
	return found
}

// startLogged is start with a log.
func startLogged(t *testing.T, o Options) (*Server, *lines) {
	t.Helper()
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	l := &lines{}
	o.Logger = zerolog.New(l)
	s := New(o)
	serveToTheEnd(t, s)
	return s, l
}

// TestTokensSayWhoAsks looks at the line that a change leaves, with two tokens of one
// name, as one is when it follows another.
func TestTokensSayWhoAsks(t *testing.T) {
	tokens := []Token{
		{Name: "deploy", Role: api.RoleOperate, Secret: "old-secret"},
		{Name: "deploy", Role: api.RoleWrite, Secret: "new-secret"},
		{Name: "eyes", Role: api.RoleRead, Secret: "read-secret"},
	}
	s, log := startLogged(t, Options{Token: adminToken, Tokens: tokens, Sources: sampleSources(new([]string))})
	const put = "Content-Type: application/yaml\r\n"
	for _, c := range []struct {
		name, request, secret  string
		message                string
		author, role, op, code any // nil is left out
		status                 float64
	}{
		{"old one", request("POST", "/api/v1/reload", bearer("old-secret"), ""), "old-secret", "admin change", "deploy", "operate", "reload", nil, 200},
		{"new one", request("PUT", "/api/v1/config?dry_run=1", bearer("new-secret")+put, plainConfig), "new-secret", "admin change", "deploy", "write", "putConfig", nil, 200},
		{"admin.token", request("POST", "/api/v1/reload", bearer(adminToken), ""), adminToken, "admin change", TokenName, "write", "reload", nil, 200},
		{"role too low", request("POST", "/api/v1/reload", bearer("read-secret"), ""), "read-secret", "admin change refused", "eyes", "read", "reload", "forbidden", 403},
		{"wrong one", request("POST", "/api/v1/reload", bearer("wrong-secret"), ""), "wrong-secret", "admin change refused", nil, nil, "reload", "unauthorized", 401},
		{"in the query", request("POST", "/api/v1/reload?token=query-secret", bearer("new-secret"), ""), "query-secret", "admin change refused", "deploy", "write", "reload", "unknown_parameter", 400},
		{"no such path", request("POST", "/api/v1/relaod?x=query-secret", "", ""), "query-secret", "admin change refused", nil, nil, nil, "not_found", 404},
		{"in a broken body", request("POST", "/api/v1/session", jsonBody, `{"token":"body-secret`), "body-secret", "admin change refused", nil, nil, "openSession", "malformed", 400},
		{"in a body of another key", request("POST", "/api/v1/session", jsonBody, `{"tokn":"body-secret"}`), "body-secret", "admin change refused", nil, nil, "openSession", "invalid", 422},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := raw(t, s, c.request)
			got := log.find(t, c.message)
			if got["author"] != c.author || got["role"] != c.role || got["operation"] != c.op || got["status"] != c.status || got["code"] != c.code {
				t.Errorf("got %v; want %v %v %v %v %v", got, c.author, c.role, c.op, c.code, c.status)
			}
			if client, _ := got["client"].(string); !strings.HasPrefix(client, "127.0.0.1:") {
				t.Errorf("got client %q; want where it came from", client)
			}
			if strings.Contains(log.String(), c.secret) || strings.Contains(a.body, c.secret) {
				t.Errorf("the secret is shown: %s\n%s", log.String(), a.body)
			}
		})
	}
	if got := log.find(t, "admin change"); got["query"] != nil {
		t.Errorf("got query %v of a change without one", got["query"])
	}
	raw(t, s, request("PUT", "/api/v1/config?dry_run=1", bearer("new-secret")+put, plainConfig))
	if got := log.find(t, "admin change"); got["query"] != "dry_run=1" || got["via"] != "token" {
		t.Errorf("got %v; want the query, which says that nothing was applied", got)
	}
}

// TestAccessChangesWhileItServes replaces tokens and hosts under an open connection.
func TestAccessChangesWhileItServes(t *testing.T) {
	s := start(t, Options{Token: adminToken, AllowedHosts: []string{"old.example"}, Sources: sampleSources(new([]string))})
	c := dial(t, s)
	br := bufio.NewReader(c)
	ask := func(host, secret string) int {
		t.Helper()
		if _, err := io.WriteString(c, "GET /api/v1/status HTTP/1.1\r\nHost: "+host+"\r\n"+bearer(secret)+"\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	steps := []struct {
		host, secret  string
		before, after int
	}{
		{"old.example", adminToken, 200, 403},
		{"new.example", adminToken, 403, 401},
		{"new.example", "rotated", 403, 200},
		{"localhost", adminToken, 200, 401},
		{"localhost", "rotated", 401, 200},
	}
	for _, c := range steps {
		if got := ask(c.host, c.secret); got != c.before {
			t.Errorf("before, %s with %s: got %d; want %d", c.host, c.secret, got, c.before)
		}
	}
	s.SetAccess(&Access{Tokens: []Token{{Name: "a", Role: api.RoleRead, Secret: "rotated"}}, AllowedHosts: []string{"new.example"}})
	for _, c := range steps {
		if got := ask(c.host, c.secret); got != c.after {
			t.Errorf("after, %s with %s: got %d; want %d", c.host, c.secret, got, c.after)
		}
	}
}

// TestExposedAddressKeepsItsTokens: an address that a reload does not change must not
// lose what protects it.
func TestExposedAddressKeepsItsTokens(t *testing.T) {
	s := start(t, Options{Address: "0.0.0.0:0", Token: "t"})
	if err := s.CheckAccess(&Access{}); err == nil || !strings.Contains(err.Error(), "admin.token") {
		t.Errorf("got %v; want no tokens refused", err)
	}
	if err := s.CheckAccess(&Access{Tokens: oneOfEach()}); err != nil {
		t.Errorf("got %v; want other tokens taken", err)
	}
	if err := start(t, Options{}).CheckAccess(&Access{}); err != nil {
		t.Errorf("loopback: got %v; want it without tokens", err)
	}
}

func TestUnixSocketHasRoleWrite(t *testing.T) {
	s, log := startLogged(t, Options{
		Address: "unix:" + filepath.Join(t.TempDir(), "a.sock"), Tokens: oneOfEach(), Sources: sampleSources(new([]string)),
	})
	for token, author := range map[string]string{"": "local", bearer("wrong"): "local", bearer("secret-read"): "the-read"} {
		got := raw(t, s, "PUT /api/v1/config?dry_run=1 HTTP/1.1\r\nHost: any\r\nConnection: close\r\n"+token+
			"Content-Type: application/yaml\r\nContent-Length: "+itoa(len(plainConfig))+"\r\n\r\n"+plainConfig)
		line := log.find(t, "admin change")
		if got.status != 200 || line["author"] != author || line["role"] != "write" || line["via"] != "socket" {
			t.Errorf("%q: got %d %v; want 200 as %s", token, got.status, line, author)
		}
	}
}

// TestUnixSocketStaysInClearText: a file that names another address, for after a restart,
// may bring certificates along.
func TestUnixSocketStaysInClearText(t *testing.T) {
	s := start(t, Options{Address: "unix:" + filepath.Join(t.TempDir(), "a.sock")})
	s.SetAccess(&Access{TLS: loadTLS(t, newAuthority(t).terms())})
	if got := raw(t, s, "GET /health HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n"); got.status != 200 {
		t.Errorf("got %d; want 200", got.status)
	}
}

func TestWithoutTokensEverythingIsAllowed(t *testing.T) {
	s, log := startLogged(t, Options{Sources: sampleSources(new([]string))})
	got := raw(t, s, request("POST", "/api/v1/reload", bearer("of another endpoint"), ""))
	line := log.find(t, "admin change")
	if got.status != 200 || line["author"] != "local" || line["via"] != "none" {
		t.Errorf("got %d %v; want 200 as local", got.status, line)
	}
}

// TestTokensAreFoundWhereverTheyStand: each of many tokens is the one it is.
func TestTokensAreFoundWhereverTheyStand(t *testing.T) {
	a := &Access{}
	for i := range 50 {
		a.Tokens = append(a.Tokens, Token{Name: itoa(i), Role: api.RoleRead, Secret: "s" + itoa(i)})
	}
	s := New(Options{Tokens: a.Tokens, Logger: zerolog.Nop()})
	known := s.guard.access.Load().tokens
	for i := range known {
		if got, ok := s.guard.access.Load().find(known[i].sum); !ok || got.name != itoa(i) {
			t.Errorf("token %d: got %v %v", i, got.name, ok)
		}
	}
	if got, ok := s.guard.access.Load().find([32]byte{}); ok {
		t.Errorf("got %v; want none", got.name)
	}
	if slices.ContainsFunc(known, func(t knownToken) bool { return t.sum == [32]byte{} }) {
		t.Error("a token has no sum")
	}
}
