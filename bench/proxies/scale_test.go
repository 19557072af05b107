package proxies

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestScaleWritesEqualConfigurations has HAProxy, where it is installed, check what is written for it.
func TestScaleWritesEqualConfigurations(t *testing.T) {
	w := &scaleWriter{scale: &Scale{Isame: "isame-lb", HAProxy: "haproxy", Routes: 7, Pools: 3, Backends: 2, Log: io.Discard}, dir: t.TempDir(), origin: "127.0.0.1:1"}
	text := string(w.isame("127.0.0.1:2", "127.0.0.1:3"))
	if strings.Count(text, "path_prefix:") != 7 || strings.Count(text, "{address: \"127.") != 6+2 || strings.Count(text, "127.0.0.1:1\"") != 1 {
		t.Errorf("got %s; want 7 routes, 6 backends, and one of them the origin", text)
	}
	_, all, err := w.write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(all[0].program) || len(all) != 1 && len(all) != 3 {
		t.Errorf("got %+v; want Isame, and HAProxy twice or not at all", all)
	}
	for _, st := range all[1:] {
		if out, err := exec.CommandContext(t.Context(), st.program, append([]string{"-c"}, st.args...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", st.name, err, out)
		}
	}
}

func TestScaleTable(t *testing.T) {
	d := func(ms ...int) (all []time.Duration) {
		for _, n := range ms {
			all = append(all, time.Duration(n)*time.Millisecond)
		}
		return all
	}
	o := &ScaleOutcome{
		scale:  &Scale{Routes: 10, Pools: 2, Backends: 5, Rounds: 3},
		starts: []starter{{name: "Isame", took: d(30, 10, 20), used: d(5, 5, 6)}, {name: "HAProxy, map", took: d(40, 50, 10), used: d(10, 11, 9)}},
		calls:  []calls{{name: "GET x", took: d(1, 9, 3, 5)}},
	}
	var b bytes.Buffer
	if err := o.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Isame | 20.0 | 10.0 - 30.0 | 1.00 | 5.0 | 1.00 |", "| HAProxy, map | 40.0 | 10.0 - 50.0 | 0.50 | 10.0 | 0.50 |", "| GET x | 4.0 | 9.0 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %s; want %s in it", b.String(), want)
		}
	}
}
