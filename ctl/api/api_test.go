package api

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBackendPatchCheck(t *testing.T) {
	state := func(s string) BackendPatch { return BackendPatch{State: &s} }
	weight := func(n int) BackendPatch { return BackendPatch{Weight: &n} }
	for _, c := range []struct {
		name  string
		patch BackendPatch
		want  string // empty: fine
	}{
		{"nothing", BackendPatch{}, "nothing to change"},
		{"enabled", state(BackendEnabled), ""},
		{"drain", state(BackendDrain), ""},
		{"disabled", state(BackendDisabled), ""},
		{"another state", state("Drain"), "not one of"},
		{"no state", state(""), "not one of"},
		{"weight 0", weight(0), ""},
		{"largest weight", weight(WeightMax), ""},
		{"negative weight", weight(-1), "not between"},
		{"weight too large", weight(WeightMax + 1), "not between"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.patch.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}

func TestCommit(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{"no stamp", nil, "unknown"},
		{"clean", []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "false"}}, "0123456789ab"},
		{"changed", []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: revision}}, "0123456789ab-dirty"},
		{"short", []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}, "abc"},
		{"changed without revision", []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := commitOf(c.settings); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
	if b := ReadBuild("v1.2.3", "abc"); b.Version != "v1.2.3" || b.GoVersion == "" || b.Commit != "abc" {
		t.Errorf("got %+v; want every member", b)
	}
	if b := ReadBuild("", ""); b.Version == "" {
		t.Errorf("got %+v; want a version", b)
	}
}

func TestProblemText(t *testing.T) {
	p := NewProblem(422, "refused")
	p.Errors = []ConfigProblem{{Text: "a:1:2: b: c"}, {Text: "d"}}
	if got, want := p.Error(), "refused\na:1:2: b: c\nd"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := NewProblem(404, "").Error(), "Not Found"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
