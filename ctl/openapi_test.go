package ctl

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is the part of an OpenAPI document these tests look at.
type document struct {
	OpenAPI    string                                `json:"openapi"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func readDocument(t *testing.T, s *Server) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(raw(t, s, request("GET", "/api/v1/openapi.json", "", "")).body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDocumentAndEndpointsAgree(t *testing.T) {
	s := start(t, Options{MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	d := readDocument(t, s)
	var described []string
	served := make([]string, 0, len(s.endpoints))
	ids := map[string]bool{}
	for path, item := range d.Paths {
		for method, text := range item {
			if method == "parameters" {
				continue
			}
			described = append(described, strings.ToUpper(method)+" "+path)
			var op struct {
				OperationID string         `json:"operationId"` //nolint:tagliatelle // OpenAPI's name
				Summary     string         `json:"summary"`
				Responses   map[string]any `json:"responses"`
			}
			if err := json.Unmarshal(text, &op); err != nil {
				t.Fatal(err)
			}
			if op.OperationID == "" || op.Summary == "" || len(op.Responses) == 0 || ids[op.OperationID] {
				t.Errorf("%s %s: got %+v; want an id of its own, a summary and responses", method, path, op)
			}
			ids[op.OperationID] = true
		}
	}
	for _, e := range s.endpoints {
		served = append(served, e.method+" "+e.pattern)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %v; served %v", described, served)
	}
}

// TestDescribedAnswersAreGiven asks for every path of the document and
// compares the answer with what is written there.
func TestDescribedAnswersAreGiven(t *testing.T) {
	s := start(t, Options{MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	for path, item := range readDocument(t, s).Paths {
		for method, text := range item {
			if method == "parameters" {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				var op struct {
					Responses map[string]struct {
						Content map[string]any `json:"content"`
					} `json:"responses"`
				}
				if err := json.Unmarshal(text, &op); err != nil {
					t.Fatal(err)
				}
				target := strings.NewReplacer("{pool}", "api", "{address}", "10.0.0.1:8080").Replace(path)
				fields, body := "", ""
				if method == "put" || method == "patch" || method == "post" {
					fields, body = jsonBody, `{"weight":1}`
				}
				got := raw(t, s, request(finite(strings.ToUpper(method), path), target, fields, body))
				described, ok := op.Responses[itoa(got.status)]
				if !ok {
					t.Fatalf("got %d, which is not described", got.status)
				}
				if _, ok := described.Content[got.header.Get("Content-Type")]; !ok && got.status != 204 {
					t.Errorf("got type %q; described are %v", got.header.Get("Content-Type"), described.Content)
				}
			})
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestDocumentRefersToWhatIsThere(t *testing.T) {
	s := start(t, Options{MetricsPath: "/metrics"})
	d := readDocument(t, s)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("got version %q; want 3.1.0", d.OpenAPI)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`"\$ref":"#/components/schemas/(\w+)"`).FindAllSubmatch(s.document, -1) {
		name := string(m[1])
		used[name] = true
		if _, ok := d.Components.Schemas[name]; !ok {
			t.Errorf("%s is referred to and not there", name)
		}
	}
	for name, schema := range d.Components.Schemas {
		if !used[name] {
			t.Errorf("%s is there and not referred to", name)
		}
		if len(schema) < 10 {
			t.Errorf("%s is empty", name)
		}
	}
	for _, name := range []string{"Status", "PoolStatus", "BackendStatus", "RouteStatus", "ListenerStatus", "Problem"} {
		if !used[name] {
			t.Errorf("%s is missing", name)
		}
	}
}
