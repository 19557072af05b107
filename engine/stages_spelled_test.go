package engine

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// spelled are the fields with which a client says who it is: programs that see fields as
// variables take each for the same.
var spelled = []string{"X-Real-User: root", "X_Real_User: root", "X-Real_User: root", "x_real-user: root", "X-Ssl_Verify: root", "X_Ssl-Verify: root"}

// TestClientsCannotSayWhatStagesTell tries names whose hyphens are underscores: what a stage
// tells the backend stands alone in all spellings.
func TestClientsCannotSayWhatStagesTell(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Real-User", "u")
	}))
	t.Cleanup(service.Close)
	for _, tc := range []struct{ name, stage, with, gone string }{
		{"basic_auth", `{type: basic_auth, users: ["u:` + spelledHash + `"], user_header: X-Real-User}`, "Authorization: Basic dTpw", "x-real-user: root"},
		{"api_key", `{type: api_key, keys: [{name: u, sha256: ` + spelledKey + `}], name_header: X-Real-User}`, "X-API-Key: k1", "x-real-user: root"},
		{"forward_auth", `{type: forward_auth, url: "` + service.URL + `", response_headers: [X-Real-User, "X-Ssl-*"]}`, "Accept: */*", "root"},
		{"headers set", `{type: headers, request: {set: {X-Real-User: u}, remove: ["X-SSL-*"]}}`, "Accept: */*", "root"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "s: "+tc.stage+"\n", "middleware: [s]")
			resp, body := r.ask(http.MethodGet, "/", append([]string{tc.with}, spelled...)...)
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, "X-Real-User: u\r\n") {
				t.Fatalf("got %s %q; want the name that the stage tells", resp.Status, body)
			}
			if strings.Contains(strings.ReplaceAll(strings.ToLower(body), "_", "-"), tc.gone) {
				t.Errorf("got %q; want nothing of what the client says", body)
			}
		})
	}
}

// TestSetKeepsASpellingThatIsAskedFor is the other side: who wants both spellings gets them.
func TestSetKeepsASpellingThatIsAskedFor(t *testing.T) {
	r := staged(t, "s: {type: headers, request: {set: {X-Real-User: a, X_Real_User: b}}}\n", "middleware: [s]")
	_, body := r.ask(http.MethodGet, "/", spelled...)
	if !strings.Contains(body, "X-Real-User: a\r\n") || !strings.Contains(body, "X_real_user: b\r\n") || strings.Count(strings.ToLower(body), "real") != 2 {
		t.Errorf("got %q; want both fields that are set, and no other", body)
	}
}

// TestKeyInTwoSpellingsIsNone: the backend might mean the other one.
func TestKeyInTwoSpellingsIsNone(t *testing.T) {
	r := staged(t, "s: {type: api_key, keys: [{name: u, sha256: "+spelledKey+"}]}\n", "middleware: [s]")
	if resp, _ := r.ask(http.MethodGet, "/", "X-API-Key: k1", "X_API_Key: k2"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s; want 401", resp.Status)
	}
}

// TestKeyInTwoParametersIsNone is the same for a key in the query.
func TestKeyInTwoParametersIsNone(t *testing.T) {
	r := staged(t, "s: {type: api_key, in: \"query:key\", keys: [{name: u, sha256: "+spelledKey+"}]}\n", "middleware: [s]")
	for query, want := range map[string]int{"key=k1": 200, "key=k1&a%20=%&%zz": 200, "key=k1&key=k2": 401, "key=k1&%6bey=k2": 401, "%6Bey=k2&key=k1": 401} {
		if resp, _ := r.ask(http.MethodGet, "/?"+query); resp.StatusCode != want {
			t.Errorf("%s: got %s; want %d", query, resp.Status, want)
		}
	}
}

const (
	spelledHash = "$6$rounds=1000$TnbMQo3AhYUziGID$7JazKIugpFrwyDOTqYyvWVaTSwgtXLm6iOz1jbNWsPfmRYXK50q55uWk19/LTum3NCxN7nCZKKWRKsIq7ZGle/" // of p
	spelledKey  = "6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"                                                       // of k1
)
