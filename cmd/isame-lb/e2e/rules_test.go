package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// observability is where the rules and the dashboard are.
const observability = "../../../scripts/observability/"

// rule is one of Prometheus': it records or alerts.
type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func (r *rule) name() string { return r.Record + r.Alert }

// ruleFiles are those that Prometheus loads.
func ruleFiles(t *testing.T) []string {
	t.Helper()
	return filesLike(t, observability+"rules/*.yml", 5)
}

func filesLike(t *testing.T, pattern string, least int) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < least {
		t.Fatalf("%s: got %v, %v; want %d files", pattern, files, err, least)
	}
	return files
}

// readYAML reads a file into a value, strictly.
func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// readRules are all of them, in the order of the files.
func readRules(t *testing.T) (all []rule) {
	t.Helper()
	for _, file := range ruleFiles(t) {
		var read struct {
			Groups []struct {
				Name  string `yaml:"name"`
				Rules []rule `yaml:"rules"`
			} `yaml:"groups"`
		}
		readYAML(t, file, &read)
		for _, g := range read.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

func readAlerts(t *testing.T) []rule {
	t.Helper()
	return slices.DeleteFunc(readRules(t), func(r rule) bool { return r.Alert == "" })
}

func TestRulesNameWhatThereIs(t *testing.T) {
	rules := readRules(t)
	v := readVocabulary(t, rules)
	for i := range rules {
		for _, problem := range v.unknown(rules[i].Expr) {
			t.Errorf("%s: %s", rules[i].name(), problem)
		}
	}
}

// promtool runs it in the folder of the rules.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := exec.Command(needProgram(t, "promtool", "prometheus"), args...)
	command.Dir = observability + "rules"
	out, err := command.CombinedOutput()
	return string(out), err
}

func namesOf(files []string) (names []string) {
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	return names
}

func TestPromtoolTakesTheRules(t *testing.T) {
	if out, err := promtool(t, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, namesOf(ruleFiles(t))...)...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := promtool(t, "check", "config", "../prometheus.yml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAlertsFireWhenTheyShould runs the tests of the rules by promtool.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	for _, file := range filesLike(t, observability+"rules/tests/*.test.yml", 5) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if out, err := promtool(t, "test", "rules", "tests/"+filepath.Base(file)); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// ruleTests is a file of promtool's.
type ruleTests struct {
	Files    []string `yaml:"rule_files"`
	Interval string   `yaml:"evaluation_interval"`
	Order    []string `yaml:"group_eval_order"`
	Tests    []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Input    []struct {
			Series string `yaml:"series"`
			Values string `yaml:"values"`
		} `yaml:"input_series"`
		Alerts []struct {
			At    string `yaml:"eval_time"`
			Alert string `yaml:"alertname"`
			Want  []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// TestEveryAlertIsTested wants each to be seen firing, and seen silent while its name says why.
func TestEveryAlertIsTested(t *testing.T) {
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range filesLike(t, observability+"rules/tests/*.test.yml", 5) {
		var read ruleTests
		readYAML(t, file, &read)
		for _, group := range read.Tests {
			for _, a := range group.Alerts {
				not := strings.HasPrefix(group.Name, "not "+a.Alert+": ")
				if len(group.Input) == 0 || not != (len(a.Want) == 0) || !not && !strings.HasPrefix(group.Name, a.Alert+": ") {
					t.Errorf("%s: %q does not do what its name says", filepath.Base(file), group.Name)
				}
				fires[a.Alert] = fires[a.Alert] || !not
				silent[a.Alert] = silent[a.Alert] || not
			}
		}
	}
	for _, a := range readAlerts(t) {
		if !fires[a.Alert] || !silent[a.Alert] {
			t.Errorf("%s: seen firing is %t, seen silent is %t", a.Alert, fires[a.Alert], silent[a.Alert])
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	for _, a := range readAlerts(t) {
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: severity is %q", a.Alert, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || len(a.Annotations) != 2 {
			t.Errorf("%s: has not a summary and a description alone", a.Alert)
		}
		if a.Alert != "IsameAbsent" && !strings.Contains(a.Annotations["description"], "isame-ctl ") {
			t.Errorf("%s: names no command of isame-ctl", a.Alert)
		}
	}
}

// alertRow is a line of the table of alerts.
var alertRow = regexp.MustCompile("(?m)^\\| `(Isame[A-Za-z]+)` \\| ([a-z]*) \\| ([0-9a-z]*) \\| ([^|]+) \\| ([^|]+) \\|$")

// TestReadmeListsTheAlerts compares the table with the rules, in their order.
func TestReadmeListsTheAlerts(t *testing.T) {
	text, err := os.ReadFile(observability + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range alertRow.FindAllStringSubmatch(string(text), -1) {
		got = append(got, strings.Join(m[1:4], " "))
	}
	for _, a := range readAlerts(t) {
		want = append(want, strings.Join([]string{a.Alert, a.Labels["severity"], a.For}, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table of README.md has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
