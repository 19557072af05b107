package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

// grafanaQuery is a query of a panel.
type grafanaQuery struct {
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"` //nolint:tagliatelle // as Grafana writes it

	title string // of its panel
}

type grafanaSource struct {
	UID string `json:"uid"`
}

// grafanaField is what is set for the values of a panel.
type grafanaField struct {
	Unit string `json:"unit"`
}

// grafanaPanel is a panel, or a row, which holds panels when it is collapsed.
type grafanaPanel struct {
	ID          int            `json:"id"`
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Source      grafanaSource  `json:"datasource"`
	Targets     []grafanaQuery `json:"targets"`
	Panels      []grafanaPanel `json:"panels"`
	Fields      struct {
		Defaults  grafanaField `json:"defaults"`
		Overrides []struct {
			Properties []struct {
				ID string `json:"id"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"` //nolint:tagliatelle // as Grafana writes it
	Options struct {
		Axis grafanaField `json:"yAxis"` //nolint:tagliatelle // as Grafana writes it
	} `json:"options"`
}

// units is how many of the values of a panel have one.
func (p *grafanaPanel) units() (n int) {
	if p.Fields.Defaults.Unit+p.Options.Axis.Unit != "" {
		return len(p.Targets)
	}
	for _, o := range p.Fields.Overrides {
		if slices.ContainsFunc(o.Properties, func(property struct {
			ID string `json:"id"`
		},
		) bool {
			return property.ID == "unit"
		}) {
			n++
		}
	}
	return n
}

type grafanaDashboard struct {
	UID         string         `json:"uid"`
	Panels      []grafanaPanel `json:"panels"`
	Annotations struct {
		List []grafanaQuery `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
}

func readDashboard(t *testing.T) (d grafanaDashboard) {
	t.Helper()
	text, err := os.ReadFile(observability + "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// all are the panels, without the rows.
func (d *grafanaDashboard) all() (panels []grafanaPanel) {
	for _, p := range d.Panels {
		if p.Type != "row" {
			panels = append(panels, p)
		}
		panels = append(panels, p.Panels...)
	}
	return panels
}

// queries are those of all panels, and of the marks in time.
func (d *grafanaDashboard) queries() (all []grafanaQuery) {
	for _, p := range d.all() {
		for _, q := range p.Targets {
			q.title = p.Title
			all = append(all, q)
		}
	}
	return all
}

// valueSource picks the metric out of a query for the values of a variable.
var valueSource = regexp.MustCompile(`^label_values\((.+), ([a-z]+)\)$`)

func TestGrafanaNamesWhatThereIs(t *testing.T) {
	d, v := readDashboard(t), readVocabulary(t, readRules(t))
	for _, q := range slices.Concat(d.queries(), d.Annotations.List) {
		for _, problem := range v.unknown(q.Expr) {
			t.Errorf("%s: %s", q.title, problem)
		}
	}
	asked := 0
	for _, variable := range d.Templating.List {
		if variable.Definition == "" {
			continue
		}
		asked++
		m := valueSource.FindStringSubmatch(variable.Definition)
		if m == nil {
			t.Errorf("variable %s asks for %s", variable.Name, variable.Definition)
			continue
		}
		for _, problem := range v.unknown("sum by (" + m[2] + ") (" + m[1] + ")") {
			t.Errorf("variable %s: %s", variable.Name, problem)
		}
	}
	if asked < 4 {
		t.Errorf("%d variables ask for values; want job, instance, route and pool", asked)
	}
}

var (
	// grafanaVariable is one in a query.
	grafanaVariable = regexp.MustCompile(`\$\{?([a-zA-Z_]+)`)
	// fixedSpan is a range that does not follow what is shown.
	fixedSpan = regexp.MustCompile(`\[\d+[a-z]`)
)

func TestGrafanaPanelsAreWhole(t *testing.T) {
	d := readDashboard(t)
	variables := []string{"__rate_interval", "__range"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	ids, titles := map[int]bool{}, map[string]bool{}
	panels := d.all()
	for i := range panels {
		p := &panels[i]
		if ids[p.ID] || titles[p.Title] {
			t.Errorf("%s: its id %d or its title is another panel's", p.Title, p.ID)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.Title == "" || p.Description == "" || p.Source.UID != "${datasource}" || len(p.Targets) == 0 || p.units() < len(p.Targets) {
			t.Errorf("%q: lacks a title, a description, the chosen datasource, a query, or units", p.Title)
		}
		if !slices.Contains([]string{"timeseries", "stat", "table", "heatmap"}, p.Type) {
			t.Errorf("%s: is a %s", p.Title, p.Type)
		}
		for _, q := range p.Targets {
			if q.Legend == "" || q.Legend == "__auto" {
				t.Errorf("%s: a query has no legend", p.Title)
			}
			for _, m := range grafanaVariable.FindAllStringSubmatch(q.Expr, -1) {
				if !slices.Contains(variables, m[1]) {
					t.Errorf("%s: there is no variable %s", p.Title, m[1])
				}
			}
			if fixedSpan.MatchString(q.Expr) {
				t.Errorf("%s: a rate does not follow the range that is shown", p.Title)
			}
		}
	}
	if d.UID != "isame" || len(panels) < 50 {
		t.Errorf("uid %q, %d panels", d.UID, len(panels))
	}
}
