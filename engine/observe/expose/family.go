package expose

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is the type of a family.
type Kind uint8

// The kinds. A summary has a sum and a count here, and no quantiles.
const (
	Counter Kind = iota
	Gauge
	Summary
	Histogram
)

// String is the word of the text formats.
func (k Kind) String() string { return [...]string{"counter", "gauge", "summary", "histogram"}[k] }

// Family is what is said of a metric, once.
type Family struct {
	Name string
	Kind Kind
	// Unit is the base unit, with which the name ends, _total aside; empty for mere numbers.
	Unit string
	// Help is a sentence without quotes, backslashes and line ends, so that no format has to
	// escape it.
	Help string
	// Labels are the names of the labels, in the order in which a Page is given values.
	Labels []string
}

const totalSuffix = "_total"

// bare is the name without the suffix that OpenMetrics gives samples of counters.
func (f *Family) bare() string {
	if f.Kind == Counter {
		return strings.TrimSuffix(f.Name, totalSuffix)
	}
	return f.Name
}

var (
	familyName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	labelName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Check reports what is wrong with a family: for tests, and for those of other people.
func (f *Family) Check() error {
	switch {
	case !familyName.MatchString(f.Name):
		return fmt.Errorf("%q is no name of a metric", f.Name)
	case (f.Kind == Counter) != strings.HasSuffix(f.Name, totalSuffix):
		return fmt.Errorf("%s: counters, and no others, end in %s", f.Name, totalSuffix)
	case f.Unit != "" && !strings.HasSuffix(f.bare(), "_"+f.Unit):
		return fmt.Errorf("%s: does not end in its unit %s", f.Name, f.Unit)
	case f.Help == "" || strings.ContainsAny(f.Help, "\"\\\n\r|"):
		return fmt.Errorf("%s: its help is empty, or has to be escaped", f.Name)
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count", "_created"} {
		if strings.HasSuffix(f.Name, suffix) {
			return fmt.Errorf("%s: %s is for parts of a metric", f.Name, suffix)
		}
	}
	for _, l := range f.Labels {
		if !labelName.MatchString(l) || l == "le" || l == "quantile" {
			return fmt.Errorf("%s: %q is no name of a label", f.Name, l)
		}
	}
	return nil
}
