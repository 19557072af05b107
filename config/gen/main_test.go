package main

import (
	"os"
	"regexp"
	"testing"
)

// TestReferenceIsFresh fails when README.md was not generated after a change of
// the schema.
func TestReferenceIsFresh(t *testing.T) {
	want, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("config/README.md is stale: run go generate ./config")
	}
}

// TestEveryKeyIsDocumented fails when a key has no meaning or no type in the reference.
func TestEveryKeyIsDocumented(t *testing.T) {
	s, err := readSchema("..")
	if err != nil {
		t.Fatal(err)
	}
	for typ, sec := range s {
		if sec.doc == "" {
			t.Errorf("type %s has no comment", typ)
		}
		for _, k := range sec.keys {
			inner, _ := below(k.typ)
			_, isSection := s[inner]
			if k.doc == "" || s.typeCell(k) == "" {
				t.Errorf("%s.%s: got meaning %q, type %q; want both", typ, k.name, k.doc, s.typeCell(k))
			}
			if !isSection && k.exampleCell() == "" {
				t.Errorf("%s.%s has no example", typ, k.name)
			}
		}
	}
}

// TestPlaceholdersAreFilled fails when intro.md names a list the generator does not know.
func TestPlaceholdersAreFilled(t *testing.T) {
	text, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	if left := regexp.MustCompile(`\{\{[a-z]+\}\}`).FindString(text); left != "" {
		t.Errorf("the placeholder %s of intro.md is not filled", left)
	}
}
