package engine

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// askedLine is a line of an example: a request with fields in brackets, and what comes of
// it: a status, a field of the answer or of what the backend sees, or the target it sees.
var askedLine = regexp.MustCompile(`^# ([A-Z]+) (?:http://([^/]+))?(/\S*)(?: \[([^\]]+)\])? -> (.+)$`)

// TestEveryExampleForThoseWhoMove runs the examples of MOVING.md and asks what stands below
// them.
func TestEveryExampleForThoseWhoMove(t *testing.T) {
	text, err := os.ReadFile("middleware/MOVING.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 15 {
		t.Fatalf("got %d examples; want them all", len(blocks))
	}
	for i, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			r := start(t, completed(example), backend(t, tellsHead))
			asked := 0
			for line := range strings.Lines(example) {
				if m := askedLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
					asked++
					r.askExample(m)
				}
			}
			if asked == 0 {
				t.Errorf("nothing is asked of\n%s", example)
			}
		})
	}
}

// completed adds what an example leaves out.
func completed(example string) string {
	if !strings.Contains(example, "listeners:") {
		example += "listeners: {web: {address: '127.0.0.1:0'}}\n"
	}
	if !strings.Contains(example, "{{backend}}") {
		if strings.Contains(example, "pools:\n") {
			return strings.Replace(example, "pools:\n", "pools:\n  app: {backends: [{address: '{{backend}}'}]}\n", 1)
		}
		example += "pools: {app: {backends: [{address: '{{backend}}'}]}}\n"
	}
	return example
}

// tellsHead answers with the fields that it has got, in the answer's own as Saw-NAME, and
// with the target as content.
func tellsHead(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		w.Header()["Saw-"+name] = values
	}
	w.Header().Set("Saw-Host", r.Host)
	if r.URL.Path == "/moved" {
		w.Header().Set("Location", "http://"+r.Host+"/new")
	}
	_, _ = fmt.Fprint(w, r.RequestURI)
}

func (r *rig) askExample(m []string) {
	r.t.Helper()
	method, host, target, fields, want := m[1], m[2], m[3], m[4], m[5]
	if host == "" {
		host = "any.test"
	}
	if fields != "" {
		fields += "\r\n"
	}
	c := r.dial()
	c.send(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n")
	got := c.receive(method)
	name, value, isField := strings.Cut(want, ":")
	switch {
	case strings.HasPrefix(want, "/"):
		if got.StatusCode != http.StatusOK || got.body != want {
			r.t.Errorf("%s: got %d %q", m[0], got.StatusCode, got.body)
		}
	case isField:
		said := got.Header.Get(name)
		if saw := got.Header.Get("Saw-" + name); saw != "" {
			said = saw
		}
		if said != strings.TrimSpace(value) {
			r.t.Errorf("%s: got %q", m[0], said)
		}
	default:
		if strconv.Itoa(got.StatusCode) != want {
			r.t.Errorf("%s: got %d", m[0], got.StatusCode)
		}
	}
}

// TestExamplesForThoseWhoMoveWarnOfNothing but of what they are about.
func TestExamplesForThoseWhoMoveWarnOfNothing(t *testing.T) {
	text, err := os.ReadFile("middleware/MOVING.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		example = strings.ReplaceAll(completed(example), "{{backend}}", "127.0.0.1:1")
		loaded, err := config.Load(config.Options{Data: []byte(example), File: "isame.yaml"})
		if err != nil {
			t.Errorf("example %d: %v", i+1, err)
			continue
		}
		for _, w := range loaded.Warnings {
			t.Errorf("example %d: %s", i+1, w)
		}
	}
}
