package observe

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
)

// needPromtool finds promtool of Debian's package prometheus.
func needPromtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("promtool is missing (make tools installs it): %v", err)
		}
		t.Skipf("SKIPPED, SHOWS NOTHING: promtool is missing (make tools installs it): %v", err)
	}
	return path
}

// TestPromtoolIsSilent holds everything that may be on the page against what Prometheus' own
// tool has to say of names, types and help.
func TestPromtoolIsSilent(t *testing.T) {
	tool := needPromtool(t)
	var page bytes.Buffer
	busyRegistry().WriteMetrics(&page, "")
	check := func(text string) string {
		command := exec.Command(tool, "check", "metrics")
		command.Stdin = strings.NewReader(text)
		out, err := command.CombinedOutput()
		if err != nil && len(out) == 0 {
			t.Fatalf("promtool: %v", err)
		}
		return string(out)
	}
	if said := check(page.String()); said != "" {
		t.Errorf("promtool says:\n%s", said)
	}
	if said := check("go_cgo_calls_count 1\n"); said == "" {
		t.Error("promtool says nothing of a family without help: it shows nothing")
	}
}

// TestEveryFamilyOfTheLibraryIsKnown fails where a new version of the library has more.
func TestEveryFamilyOfTheLibraryIsKnown(t *testing.T) {
	s := NewRegistry(1).begin(expose.NewPage(io.Discard, expose.Text))
	if unknown := s.writeOthers(); len(unknown) > 0 {
		t.Errorf("not in borrowed.go: %v", unknown)
	}
}
