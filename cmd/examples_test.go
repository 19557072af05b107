package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/middleware"
)

// TestExamplesAreAccepted loads every configuration of scripts/examples as check does, and
// makes its stages. Those with a counterpart of another proxy are filled in and run by e2e.
func TestExamplesAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../scripts/examples/isame-*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %v, %v; want all examples", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "BACKEND") {
			continue // filled in and run by e2e
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			loaded, err := config.Load(config.Options{File: file})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range loaded.Warnings {
				t.Error(w)
			}
			for _, problem := range middleware.Check(loaded.Config) {
				t.Error(problem)
			}
		})
	}
}
