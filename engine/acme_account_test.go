package engine

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAccountsOfACMEServers looks at what a server sees of the section: the handshake
// ends where ca_file does not hold the server's authority, and a new account can be
// reached under email.
func TestAccountsOfACMEServers(t *testing.T) {
	for _, tc := range []struct {
		name, more string
		trusted    bool
		want       string
	}{
		{"an address", ", email: ops@a.test", true, "[mailto:ops@a.test]"},
		{"no address", "", true, "[]"},
		{"no authority", ", email: ops@a.test", false, "remote error: tls: bad certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen, complaints := make(chan string, 1), &lockedBuffer{}
			s := startDirectory(t, seen, complaints)
			more := tc.more
			if tc.trusted {
				file := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
				more += fmt.Sprintf(", ca_file: %q", file)
			}
			text := acmeText(s.URL+"/dir", t.TempDir(), "a.test")
			start(t, strings.Replace(text, "acme: {hosts: [a.test]", "acme: {hosts: [a.test]"+more, 1), nobody(t))
			if !tc.trusted {
				eventually(t, func() string { return fmt.Sprintf("%q; the server says %q", tc.want, complaints) }, func() bool {
					return strings.Contains(complaints.String(), tc.want)
				})
				return
			}
			got := ""
			eventually(t, func() string { return "an account" }, func() bool {
				select {
				case got = <-seen:
				default:
				}
				return got != ""
			})
			if got != tc.want {
				t.Errorf("the account is reached under %s; want %s", got, tc.want)
			}
		})
	}
}

// startDirectory runs an ACME server that registers accounts, says of the first how it
// is reached, and refuses everything else for good.
func startDirectory(t *testing.T, seen chan<- string, complaints *lockedBuffer) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(complaints, "", 0)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Replay-Nonce", "nonce")
		switch r.URL.Path {
		case "/dir":
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"newNonce": s.URL + "/nonce", "newAccount": s.URL + "/account", "newOrder": s.URL + "/order"})
		case "/nonce":
		case "/account":
			var jws struct {
				Payload string `json:"payload"`
			}
			var account struct {
				Contact []string `json:"contact"`
			}
			_ = json.NewDecoder(r.Body).Decode(&jws)
			payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
			_ = json.Unmarshal(payload, &account)
			select {
			case seen <- fmt.Sprint(account.Contact):
			default:
			}
			w.Header().Set("Location", s.URL+"/account/a")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"status":"valid"}`))
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"type":"urn:ietf:params:acme:error:unauthorized","status":403,"detail":"refused"}`))
		}
	})
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
