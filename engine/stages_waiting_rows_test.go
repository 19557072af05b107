package engine

import (
	"net/http"
	"testing"
)

func forwardAuthRow(t *testing.T) *stageRow {
	t.Helper()
	j := newJudge(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-User", "ann")
		w.Header().Set("X-Told", "by the service")
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("not you"))
		}
	})
	return &stageRow{
		stages: `
s: {type: forward_auth, url: "` + j.URL + `", response_headers: [X-User], client_headers: [X-Told], unless: {path: /down}}
down: {type: forward_auth, url: "http://` + nobody(t) + `", when: {path: /down}}
`,
		order: "[s, down]",
		cases: []stageCase{
			{
				name: "let in", fields: []string{"Authorization: me", "X-User: root"},
				want: effect{seen: []string{"X-User: ann\r\n"}, unseen: []string{"root"}, fields: []string{"X-Told: by the service"}},
			},
			{name: "refused", want: effect{status: 403, cause: "auth_refused", body: "not you", fields: []string{"-X-Backend"}}},
			{name: "without the service", target: "/down", want: effect{status: 503, cause: "auth_unavailable"}},
		},
	}
}
