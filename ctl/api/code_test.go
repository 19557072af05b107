package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCodesAreListedOnce(t *testing.T) {
	all := Codes()
	sorted := slices.Sorted(slices.Values(all))
	if len(slices.Compact(sorted)) != len(all) {
		t.Errorf("got %v; want each once", all)
	}
	for status := 400; status < 600; status++ {
		if http.StatusText(status) == "" {
			continue
		}
		p := NewProblem(status, "")
		if !slices.Contains(all, p.Code) || p.Type != "urn:isame:problem:"+string(p.Code) {
			t.Errorf("%d: got %+v; want a code of the list", status, p)
		}
	}
	p := NewProblem(http.StatusConflict, "x")
	if got := p.WithCode(CodeInUse); got != p || p.Code != CodeInUse || !strings.HasSuffix(p.Type, ":in_use") {
		t.Errorf("got %+v; want another code", got)
	}
}

func TestRolesIncludeThoseBefore(t *testing.T) {
	all := Roles()
	for i, r := range all {
		for j, other := range all {
			if got := r.Includes(other); got != (i >= j) {
				t.Errorf("%s includes %s: got %v; want %v", r, other, got, i >= j)
			}
		}
		for _, none := range []Role{"", "root", "Write"} {
			if r.Includes(none) || none.Includes(r) || none.Includes(none) {
				t.Errorf("%s and %q include each other, or that itself; want nothing", r, none)
			}
		}
	}
}
