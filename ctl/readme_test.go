package ctl

import (
	"os"
	"strings"
	"testing"
)

func TestReadmeNamesEveryEndpoint(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range New(Options{MetricsPath: "/metrics"}).endpoints {
		if want := "`" + e.method + " " + e.pattern + "`"; !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in README.md", want)
		}
	}
}
