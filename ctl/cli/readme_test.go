package cli

import (
	"os"
	"strings"
	"testing"
)

func TestReadmeNamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{}
	for _, c := range a.root().Commands() {
		if c.Name() != "help" && !strings.Contains(string(text), "| `"+c.Name()) {
			t.Errorf("%s is missing in README.md", c.Name())
		}
		for _, sub := range c.Commands() {
			if !strings.Contains(string(text), sub.Name()) {
				t.Errorf("%s %s is missing in README.md", c.Name(), sub.Name())
			}
		}
	}
}
