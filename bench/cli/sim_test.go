package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/bench/sim"
)

func TestSimShowsEveryAlgorithm(t *testing.T) {
	drawing := filepath.Join(t.TempDir(), "a.svg")
	args := []string{"sim", "--backends", "10", "-n", "2000", "--seed", "3", "--svg", drawing}
	code, out, errs := call(t, args...)
	if code != 0 || errs != "" {
		t.Fatalf("got %d, %q", code, errs)
	}
	for _, s := range sim.Scenarios() {
		_, table, found := strings.Cut(out, "\n"+s.Name+": ")
		table, _, _ = strings.Cut(table, "\n\n")
		for _, k := range algo.Kinds() {
			if !found || !strings.Contains(table, "\n  "+k.String()+" ") {
				t.Errorf("%s: no figures of %s:\n%s", s.Name, k, table)
			}
		}
	}
	b, err := os.ReadFile(drawing)
	if err != nil || !strings.HasPrefix(string(b), "<svg ") {
		t.Errorf("drawing: got %v, %.40q", err, b)
	}
	if _, again, _ := call(t, args...); again != out {
		t.Error("the same flags gave another table")
	}
}

func TestSimJSON(t *testing.T) {
	code, out, errs := call(t, "sim", "--json", "-n", "2000", "--scenarios", "slow,even", "--algorithms", "p2c,maglev")
	var got struct {
		Plan     sim.Plan      `json:"plan"`
		Outcomes []sim.Outcome `json:"outcomes"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("got %d, %v, %q", code, err, errs)
	}
	if got.Plan.Requests != 2000 || len(got.Outcomes) != 2 || got.Outcomes[0].Scenario != "slow" || len(got.Outcomes[1].Rows) != 2 ||
		got.Outcomes[1].Rows[1].Algorithm != "maglev" || got.Outcomes[1].Rows[1].Requests != 1000 {
		t.Errorf("got %+v", got)
	}
}

func TestSimRefusesWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--scenarios", "none"}, {"--algorithms", "none"}, {"--backends", "0"}, {"--utilisation", "-1"}, {"argument"},
	} {
		if code, _, errs := call(t, append([]string{"sim"}, args...)...); code != 2 || errs == "" {
			t.Errorf("%v: got %d, %q; want 2 and why", args, code, errs)
		}
	}
	if code, _, errs := call(t, "sim", "-n", "100", "--svg", filepath.Join(t.TempDir(), "no", "folder")); code != 1 || errs == "" {
		t.Errorf("drawing that cannot be written: got %d, %q; want 1 and why", code, errs)
	}
}
