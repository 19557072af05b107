package config

import "regexp"

// StageCount counts the requests that come to it, in the metric isame_custom_requests_total, whose label name is that of the stage.
type StageCount struct {
	// Labels are further labels of the metric, by name; requests with the same values are one series. What a client says may be anything:
	// beyond max_series it is counted as other.
	Labels map[string]string `example:"{tier: \"{claim.tier}\"}" koanf:"labels" vars:"request"`
	// MaxSeries bounds how many combinations of values are told apart; all others are counted in
	// one more, whose values are other. Those that are known stay.
	MaxSeries int `default:"100" koanf:"max_series" max:"1000" min:"1"`
}

// countLabelsMax is how many labels a metric may have beside its name.
const countLabelsMax = 8

// metricLabel is how Prometheus spells the names of labels.
var metricLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// check reports what is wrong with the keys.
func (s *StageCount) check(c *checker, path string) {
	if len(s.Labels) > countLabelsMax {
		c.reportf(path+".labels", "are more than %d", countLabelsMax)
	}
	for _, name := range sortedNames(s.Labels) {
		at := joinPath(path+".labels", name)
		switch {
		case !metricLabel.MatchString(name):
			c.reportf(at, "is no name of a label: those are letters, digits and _, and do not begin with a digit")
		case name == "name" || name == "le" || name == "quantile" || len(name) > 1 && name[:2] == "__":
			c.reportf(at, "is a label that has another meaning: use another name")
		}
	}
}
