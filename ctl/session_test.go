package ctl

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// login opens a session with a token and returns its cookie as a field.
func login(t *testing.T, s *Server, secret string) string {
	t.Helper()
	got := raw(t, s, request("POST", "/api/v1/session", jsonBody, `{"token":"`+secret+`"}`))
	set := got.header.Get("Set-Cookie")
	value, attributes, _ := strings.Cut(set, ";")
	if got.status != 200 || !strings.HasPrefix(value, cookieName+"=") || len(value) < 32 {
		t.Fatalf("got %d %q %s; want a session", got.status, set, got.body)
	}
	if want := " Max-Age=43200; path=/; HttpOnly; SameSite=Strict"; !strings.EqualFold(attributes, want) {
		t.Errorf("got attributes %q; want %q", attributes, want)
	}
	return "Cookie: other=1; " + value + "\r\n"
}

const sameOrigin = "Origin: http://$HOST\r\n"

func TestSessions(t *testing.T) {
	s, log := startLogged(t, Options{Tokens: oneOfEach(), Sources: sampleSources(new([]string))})
	operate, read := login(t, s, "secret-operate"), login(t, s, "secret-read")
	if line := log.find(t, "admin change"); line["operation"] != "openSession" || line["author"] != "the-read" {
		t.Errorf("got %v; want who has logged in", line)
	}
	for _, c := range []struct {
		name, method, path, fields string
		want                       int
		wantBody                   string
	}{
		{"read", "GET", "/api/v1/status", operate, 200, ""},
		{"read as reader", "GET", "/api/v1/status", read, 200, ""},
		{"change", "POST", "/api/v1/reload", operate + sameOrigin, 200, ""},
		{"change without origin", "POST", "/api/v1/reload", operate, 403, "Origin"},
		{"change from another site", "POST", "/api/v1/reload", operate + "Origin: http://evil.example\r\n", 403, "another site"},
		{"change from another port", "POST", "/api/v1/reload", operate + "Origin: http://127.0.0.1:1\r\n", 403, "another site"},
		{"change as reader", "POST", "/api/v1/reload", read + sameOrigin, 403, "role operate is needed"},
		{"change with a token beside the cookie", "POST", "/api/v1/reload", read + bearer("secret-operate"), 200, ""},
		{"a wrong token beside a cookie", "POST", "/api/v1/reload", operate + sameOrigin + bearer("no"), 401, "none of admin.tokens"},
		{"another cookie", "GET", "/api/v1/status", "Cookie: " + cookieName + "=AAAA\r\n", 401, "the session has ended"},
		{"empty cookie", "GET", "/api/v1/status", "Cookie: " + cookieName + "=\r\n", 401, "a token is needed"},
		{"the token as a cookie", "GET", "/api/v1/status", "Cookie: " + cookieName + "=secret-read\r\n", 401, ""},
		{"logout without origin", "DELETE", "/api/v1/session", operate, 403, "Origin"},
		{"logout without a session", "DELETE", "/api/v1/session", "", 204, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := raw(t, s, request(c.method, c.path, c.fields, ""))
			if got.status != c.want || !strings.Contains(got.body, c.wantBody) {
				t.Errorf("got %d %s; want %d with %s", got.status, got.body, c.want, c.wantBody)
			}
		})
	}
	out := raw(t, s, request("DELETE", "/api/v1/session", operate+sameOrigin, ""))
	if set := out.header.Get("Set-Cookie"); out.status != 204 || !strings.Contains(set, "=0") {
		t.Errorf("logout: got %d %q; want the cookie removed", out.status, set)
	}
	if line := log.find(t, "admin change"); line["operation"] != "endSession" || line["author"] != "the-operate" || line["via"] != "session" {
		t.Errorf("got %v; want who has logged out", line)
	}
	if got := raw(t, s, request("GET", "/api/v1/status", operate, "")); got.status != 401 {
		t.Errorf("after the logout: got %d; want 401", got.status)
	}
	if got := raw(t, s, request("GET", "/api/v1/status", read, "")); got.status != 200 {
		t.Errorf("another session: got %d; want 200", got.status)
	}
}

func TestSessionIsBoundToItsToken(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach(), Sources: sampleSources(new([]string))})
	now := time.Now()
	s.now = func() time.Time { return now }
	cookie := login(t, s, "secret-read")
	status := func() int {
		t.Helper()
		return raw(t, s, request("GET", "/api/v1/status", cookie, "")).status
	}
	now = now.Add(sessionTime - time.Second)
	if got := status(); got != 200 {
		t.Errorf("before its end: got %d; want 200", got)
	}
	s.SetAccess(&Access{Tokens: []Token{{Name: "demoted", Role: api.RoleMetrics, Secret: "secret-read"}}})
	if got := status(); got != 403 {
		t.Errorf("with a role that is less now: got %d; want 403", got)
	}
	s.SetAccess(&Access{Tokens: []Token{{Name: "the-read", Role: api.RoleRead, Secret: "rotated"}}})
	if got := status(); got != 401 {
		t.Errorf("without the token: got %d; want 401", got)
	}
	s.SetAccess(&Access{Tokens: oneOfEach()})
	if got := status(); got != 200 {
		t.Errorf("with the token again: got %d; want 200", got)
	}
	now = now.Add(2 * time.Second)
	if got := status(); got != 401 {
		t.Errorf("after its end: got %d; want 401", got)
	}
}

func TestLogin(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach()})
	for _, c := range []struct {
		name, fields, body string
		want               int
		wantBody           string
	}{
		{"in the body", jsonBody, `{"token":"secret-observe"}`, 200, `{"name":"the-observe","role":"observe","expires":"`},
		{"in the header", bearer("secret-observe"), "", 200, `"role":"observe"`},
		{"in both", jsonBody + bearer("no"), `{"token":"secret-observe"}`, 200, ""},
		{"from another site", jsonBody + "Origin: https://evil.example\r\n", `{"token":"secret-observe"}`, 403, ""},
		{"as a form", "Content-Type: application/x-www-form-urlencoded\r\n", "token=secret-observe", 415, ""},
		{"wrong", jsonBody, `{"token":"no"}`, 401, `"code":"unauthorized"`},
		{"none", "", "", 401, "a token is needed"},
		{"empty", jsonBody, `{"token":""}`, 401, "a token is needed"},
		{"number", jsonBody, `{"token":1}`, 422, "token: must be text"},
		{"twice", jsonBody, `{"token":"no","token":"secret-observe"}`, 422, "given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := raw(t, s, request("POST", "/api/v1/session", c.fields, c.body))
			if got.status != c.want || !strings.Contains(got.body, c.wantBody) || (got.header.Get("Set-Cookie") != "") != (c.want == 200) {
				t.Errorf("got %d %s; want %d with %s, and a cookie with success alone", got.status, got.body, c.want, c.wantBody)
			}
			var p api.Problem
			if err := json.Unmarshal([]byte(got.body), &p); err != nil {
				t.Error(err)
			}
		})
	}
	none := start(t, Options{})
	if got := raw(t, none, request("POST", "/api/v1/session", jsonBody, `{"token":"x"}`)); got.status != 422 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("without tokens: got %d %s; want 422", got.status, got.body)
	}
}

// TestSessionCookieOverTLSStaysThere: it is not sent in clear text.
func TestSessionCookieOverTLSStaysThere(t *testing.T) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	s := start(t, Options{Token: adminToken, TLS: &tls.Config{Certificates: lender.TLS.Certificates}})
	c := tls.Client(dial(t, s), &tls.Config{InsecureSkipVerify: true})
	if _, err := io.WriteString(c, "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"+bearer(adminToken)+"\r\n"); err != nil {
		t.Fatal(err)
	}
	got := readAnswer(t, c, "POST")
	if set := strings.ToLower(got.header.Get("Set-Cookie")); got.status != 200 || !strings.Contains(set, "; secure") {
		t.Errorf("got %d %q; want Secure", got.status, set)
	}
}
