package ctl

import (
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// TestQuestionsByPostAreNoChanges: what only looks leaves no line that says change.
func TestQuestionsByPostAreNoChanges(t *testing.T) {
	for _, c := range []struct {
		method string
		e      *endpoint
		want   bool
	}{
		{"POST", &endpoint{role: api.RoleObserve}, false},
		{"POST", &endpoint{role: api.RoleRead}, false},
		{"POST", &endpoint{role: api.RoleOperate}, true},
		{"PUT", &endpoint{role: api.RoleWrite}, true},
		{"POST", &endpoint{}, true},
		{"POST", &endpoint{role: public}, true},
		{"DELETE", nil, true},
		{"GET", &endpoint{role: api.RoleWrite}, false},
		{"HEAD", nil, false},
	} {
		x := &call{ctx: &fasthttp.RequestCtx{}, endpoint: c.e}
		x.ctx.Request.Header.SetMethod(c.method)
		if got := x.isAudited(); got != c.want {
			t.Errorf("%s %+v: got %v; want %v", c.method, c.e, got, c.want)
		}
	}
}
