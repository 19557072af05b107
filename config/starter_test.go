package config

import (
	"bytes"
	"regexp"
	"slices"
	"testing"
)

func TestStarterIsValid(t *testing.T) {
	loaded, err := Load(Options{Data: Starter(), File: "isame.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("got warnings %v; want none", loaded.Warnings)
	}
}

// TestStarterExamplesAreValid takes the # off every example of the starting
// configuration, as its text says.
func TestStarterExamplesAreValid(t *testing.T) {
	text := regexp.MustCompile(`(?m)^#( {2})`).ReplaceAll(Starter(), []byte("$1"))
	loaded, err := Load(Options{Data: text, File: "isame.yaml"})
	if err != nil {
		t.Fatalf("%s\n%s", err, text)
	}
	cfg := loaded.Config
	if len(cfg.Listeners) != 2 || len(cfg.Routes) != 4 || len(cfg.Pools["app"].Backends) != 2 || !cfg.Log.Access.Enabled {
		t.Errorf("not every example was switched on:\n%s", text)
	}
	if bytes.Equal(text, Starter()) || len(loaded.Warnings) > 0 {
		t.Errorf("got warnings %v; want none", loaded.Warnings)
	}
}

func TestStarterIsACopy(t *testing.T) {
	first := Starter()
	want := slices.Clone(first)
	first[0] = 'x'
	if !bytes.Equal(Starter(), want) {
		t.Error("the caller changed the file that is written next")
	}
}
