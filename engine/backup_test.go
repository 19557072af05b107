package engine

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A backend that is marked as backup is asked only once no other one can serve.
func TestBackupServesWhenNoOtherOneCan(t *testing.T) {
	named := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
		t.Cleanup(s.Close)
		return s
	}
	first, second, spare := named("first"), named("second"), named("spare")
	backends := `[{address: "` + spare.Listener.Addr().String() + `", backup: true}, {address: "` + first.Listener.Addr().String() +
		`"}, {address: "` + second.Listener.Addr().String() + `"}]`
	text := strings.Replace(plain, "pool: p", "pool: p, retry: {attempts: 3}", 1)
	c := start(t, strings.Replace(text, `[{address: "{{backend}}"}]`, backends, 1), "").dial()
	asked := func() string {
		t.Helper()
		var all []string
		for range 6 {
			a := c.get("/")
			if a.StatusCode != http.StatusOK {
				t.Fatalf("got %d %s; want 200", a.StatusCode, a.Header.Get("X-Isame-Error"))
			}
			if !strings.Contains(strings.Join(all, " "), a.body) {
				all = append(all, a.body)
			}
		}
		return strings.Join(all, " ")
	}
	if got := asked(); got != "first second" && got != "second first" {
		t.Errorf("with all of them: asked %s; want the first and the second", got)
	}
	first.Close()
	if got := asked(); got != "second" {
		t.Errorf("without the first: asked %s; want the second", got)
	}
	second.Close()
	if got := asked(); got != "spare" {
		t.Errorf("without both: asked %s; want the spare one", got)
	}
}
