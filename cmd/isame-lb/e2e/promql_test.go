package e2e

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// expression is what a query of PromQL reads: no parser, but enough of one for what stands
// in scripts/observability.
type expression struct {
	metrics map[string][]string // the labels that are matched on, by metric
	groups  []string            // the labels that it groups or joins by
}

var (
	quotedText   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	timeSpan     = regexp.MustCompile(`\[[^\]]*\]`)
	labelList    = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	metricOrCall = regexp.MustCompile(`\b([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\(|\{[^}]*\})?`)
	matchedLabel = regexp.MustCompile(`([a-z_]+)\s*[=!]`)
	operatorWord = []string{"and", "or", "unless", "bool"}
)

func readExpression(text string) expression {
	text = timeSpan.ReplaceAllString(quotedText.ReplaceAllString(text, ""), "")
	e := expression{metrics: map[string][]string{}}
	text = labelList.ReplaceAllStringFunc(text, func(list string) string {
		e.groups = append(e.groups, listedLabels(list)...)
		return " "
	})
	for _, m := range metricOrCall.FindAllStringSubmatch(text, -1) {
		if m[2] == "(" || slices.Contains(operatorWord, m[1]) {
			continue
		}
		labels := e.metrics[m[1]]
		for _, l := range matchedLabel.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		e.metrics[m[1]] = labels
	}
	return e
}

// listedLabels are those between brackets.
func listedLabels(list string) []string {
	_, list, _ = strings.Cut(strings.TrimSuffix(list, ")"), "(")
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func TestExpressionsAreRead(t *testing.T) {
	got := readExpression(`histogram_quantile(0.99, sum by (le, route) (rate(a_bucket{job=~"$job", x!="{y}"}[$__rate_interval]))) > 1e3` +
		"\n" + `and on (instance) group_left () b:c:d or (e unless f{} > bool 14 * scalar(g))`)
	metrics := map[string][]string{"a_bucket": {"job", "x"}, "b:c:d": nil, "e": nil, "f": nil, "g": nil}
	if !maps.EqualFunc(got.metrics, metrics, slices.Equal) || !slices.Equal(got.groups, []string{"le", "route", "instance"}) {
		t.Errorf("got %v", got)
	}
}

// vocabulary is every metric there is, with its labels.
type vocabulary map[string][]string

// targetLabels are what Prometheus adds to all that it scrapes.
var targetLabels = []string{"job", "instance"}

// metricRow is a line of the tables of metrics, which are made of the code.
var metricRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([a-z_, ]*) \\| (counter|gauge|histogram|summary) \\|")

// readVocabulary has the metrics of the proxy, those of Prometheus, and what rules record.
func readVocabulary(t *testing.T, rules []rule) vocabulary {
	t.Helper()
	text, err := os.ReadFile("../../../engine/observe/README.md")
	if err != nil {
		t.Fatal(err)
	}
	v := vocabulary{
		"up": targetLabels, "scrape_samples_post_metric_relabeling": targetLabels,
		"ALERTS": {"alertname", "alertstate", "severity"},
	}
	for _, m := range metricRow.FindAllStringSubmatch(string(text), -1) {
		labels := append(strings.Split(m[2], ", "), targetLabels...)
		switch m[3] {
		case "histogram":
			v[m[1]+"_bucket"] = append(labels, "le")
			fallthrough
		case "summary":
			v[m[1]+"_sum"], v[m[1]+"_count"] = labels, labels
		default:
			v[m[1]] = labels
		}
	}
	if len(v) < 90 {
		t.Fatalf("the tables of metrics were not found: %d", len(v))
	}
	for _, r := range rules {
		if r.Record != "" {
			v[r.Record] = listedLabels(labelList.FindString(r.Expr))
		}
	}
	return v
}

// unknown are the metrics and labels of a query that are not there.
func (v vocabulary) unknown(query string) (problems []string) {
	e := readExpression(query)
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(e.metrics)) {
		known, ok := v[name]
		if !ok {
			problems = append(problems, "no metric "+name)
			continue
		}
		labels = append(labels, known...)
		for _, l := range e.metrics[name] {
			if !slices.Contains(known, l) {
				problems = append(problems, fmt.Sprintf("%s has no label %s", name, l))
			}
		}
	}
	for _, l := range e.groups {
		if !slices.Contains(labels, l) {
			problems = append(problems, "nothing has label "+l)
		}
	}
	return problems
}

func TestUnknownMetricsAreNoticed(t *testing.T) {
	v := readVocabulary(t, []rule{{Record: "route:x:y", Expr: "sum by (job, route) (rate(isame_ends_total[5m]))"}})
	for query, want := range map[string]string{
		`sum by (route, le) (rate(isame_request_duration_seconds_bucket{job="a"}[5m])) > on (route) route:x:y`: "",
		`sum by (cause) (isame_ended_total)`:                      "no metric isame_ended_total, nothing has label cause",
		`isame_ends_total{route="a"}`:                             "isame_ends_total has no label route",
		`sum by (pool) (isame_ends_total)`:                        "nothing has label pool",
		`route:x:y{instance="a"}`:                                 "route:x:y has no label instance",
		`isame_request_duration_seconds`:                          "no metric isame_request_duration_seconds",
		`rate(isame_backend_connect_seconds_bucket[5m])`:          "no metric isame_backend_connect_seconds_bucket",
		`sum(isame_custom_requests_total) + up * ALERTS{job="x"}`: "ALERTS has no label job",
	} {
		if got := strings.Join(v.unknown(query), ", "); got != want {
			t.Errorf("%s: got %q; want %q", query, got, want)
		}
	}
}
