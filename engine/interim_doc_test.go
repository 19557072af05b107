package engine

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReferenceNamesTheBoundOfInterimAnswers fails when one changes without the other.
func TestReferenceNamesTheBoundOfInterimAnswers(t *testing.T) {
	reference, err := os.ReadFile("../config/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("At most %d interim answers", interimMax); !strings.Contains(string(reference), want) {
		t.Errorf("config/README.md does not say %q", want)
	}
}
