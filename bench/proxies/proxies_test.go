package proxies_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/bench/cli"
	"github.com/isame-lb/isame-lb/bench/proxies"
)

// actAsBench makes the test binary be isame-bench, which the comparison starts.
const actAsBench = "ISAME_TEST_ACT_AS_BENCH"

// roundTime is long enough for some handshakes on a machine that has other work.
const roundTime = 500 * time.Millisecond

func TestMain(m *testing.M) {
	if os.Getenv(actAsBench) != "" {
		os.Exit(cli.Run(context.Background(), cli.Env{Stdout: os.Stdout, Stderr: os.Stderr}, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// installed are the proxies of the comparison this machine has; CI has all.
func installed(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"nginx", "haproxy"} {
		_, err := exec.LookPath(name)
		_, daemon := exec.LookPath("/usr/sbin/" + name)
		if err == nil || daemon == nil {
			out = append(out, name)
		} else if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed, and CI needs it: run scripts/install-tools.sh", name)
		}
	}
	if len(out) == 0 {
		t.Skip("SKIPPED: neither nginx nor haproxy is installed: run scripts/install-tools.sh")
	}
	return out
}

func TestRunMeasuresWhatIsInstalled(t *testing.T) {
	t.Setenv(actAsBench, "1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var log bytes.Buffer
	names := installed(t)
	o, err := proxies.Run(ctx, proxies.Options{
		Bench: program, Isame: "/no/such/isame-lb", Proxies: append([]string{"isame"}, names...),
		Scenarios: []string{"small", "post64k", "newconn", "conn10", "rate2k", "logged", "ws", "downloads"}, Rounds: 1, Duration: roundTime, Log: &log,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !slices.Equal(o.Columns, names) || len(o.Rows) != 6*2+2*3 || !strings.Contains(strings.Join(o.Notes, " "), "not installed: isame") {
		t.Errorf("got columns %v, %d rows, notes %v", o.Columns, len(o.Rows), o.Notes)
	}
	checkFigures(t, o)
	checkTable(t, o)
}

// checkFigures wants every figure to be there and nothing failed. How many answers come
// within the time of a round is up to the machine.
func checkFigures(t *testing.T, o *proxies.Outcome) {
	t.Helper()
	for _, r := range o.Rows {
		for i, v := range r.Values {
			if v <= 0 && r.Figure != "requests/s" || r.Failed[i] > 0 {
				t.Errorf("%s, %s: got %v, %v failed", r.Scenario, r.Figure, v, r.Failed)
			}
		}
	}
}

func TestRunMeasuresTheEdge(t *testing.T) {
	t.Setenv(actAsBench, "1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var log bytes.Buffer
	o, err := proxies.Run(ctx, proxies.Options{
		Bench: program, Isame: "/no/such/isame-lb", Proxies: installed(t),
		Scenarios: []string{"tls", "tls_16k", "tls_new", "tls_resumed", "h2", "h2c", "h2h2"}, Rounds: 1, Duration: roundTime, Log: &log,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	rows, notes := 2*7, strings.Join(o.Notes, " ")
	_, noClient := exec.LookPath("h2load")
	_, noServer := exec.LookPath("nghttpd")
	if noClient != nil {
		rows -= 2
	}
	if noServer != nil {
		rows -= 2
	}
	if noClient != nil || noServer != nil {
		rows -= 2
	}
	if len(o.Rows) != rows || strings.Contains(notes, "not resumed") || !strings.HasPrefix(o.TLS, "TLS: 1.3, certificate ECDSA P-256") {
		t.Errorf("got %d rows, notes %v, %q", len(o.Rows), o.Notes, o.TLS)
	}
	checkFigures(t, o)
	var table bytes.Buffer
	if err := o.Markdown(&table); err != nil || !strings.Contains(table.String(), o.TLS+"\n\n|") {
		t.Errorf("the caption must name the key exchange: %v\n%s", err, table.String())
	}
}

// Who does not know the stages of a scenario does not take part in it.
func TestRunMeasuresStages(t *testing.T) {
	names := installed(t)
	t.Setenv(actAsBench, "1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var log bytes.Buffer
	o, err := proxies.Run(ctx, proxies.Options{
		Bench: program, Isame: "/no/such/isame-lb", Proxies: names,
		Scenarios: []string{"chain", "compress", "files16k", "files1m"}, Rounds: 1, Duration: roundTime, Log: &log,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var table bytes.Buffer
	if err := o.Markdown(&table); err != nil || len(o.Rows) != 9 {
		t.Fatalf("got %d rows, %v", len(o.Rows), err)
	}
	for i, name := range o.Columns {
		for _, r := range o.Rows {
			if takesPart := name == "nginx"; math.IsNaN(r.Values[i]) == takesPart || r.Failed[i] > 0 {
				t.Errorf("%s, %s: got %v, %d failed", name, r.Scenario, r.Values[i], r.Failed[i])
			}
		}
	}
	if slices.Contains(names, "haproxy") && !strings.Contains(table.String(), " - |") {
		t.Errorf("who does not take part must be a dash:\n%s", table.String())
	}
}

func TestHTTP2IsLeftOutLoudlyWithoutItsGenerator(t *testing.T) {
	names := installed(t)
	t.Setenv("PATH", t.TempDir()) // daemons are found all the same
	var log bytes.Buffer
	o, err := proxies.Run(t.Context(), proxies.Options{
		Bench: "/no/such/isame-bench", Isame: "/no/such/isame-lb", Proxies: names,
		Scenarios: []string{"h2"}, Rounds: 1, Duration: 100 * time.Millisecond, Log: &log,
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "h2: LEFT OUT, not installed: h2load (Debian: nghttp2-client, nghttp2-server)"
	if len(o.Rows) != 0 || !slices.Contains(o.Notes, want) || log.String() != want+"\n" {
		t.Errorf("got %d rows, notes %v, log %q", len(o.Rows), o.Notes, log.String())
	}
}

// checkTable looks at the Markdown, and writes it into a file twice.
func checkTable(t *testing.T, o *proxies.Outcome) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "README.md")
	text := "before\n<!-- compare:begin -->\nold\n<!-- compare:end -->\nafter\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for range 2 {
		if err := o.WriteInto(name); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("writing twice must change nothing")
		}
		first = b
	}
	got := string(first)
	for _, want := range []string{"before\n<!--", "<!-- compare:end -->\nafter\n", "| scenario | figure |", "CPU us a request", "POST 64 KiB"} {
		if !strings.Contains(got, want) {
			t.Errorf("the file lacks %q:\n%s", want, got)
		}
	}
	columns := 0
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if n := strings.Count(line, "|"); columns != 0 && n != columns {
			t.Errorf("a row has %d columns; want %d: %s", n-1, columns-1, line)
		} else {
			columns = n
		}
	}
	if err := o.WriteInto(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that does not exist must be an error")
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	good := proxies.Options{Rounds: 1, Duration: time.Second}
	for _, tc := range []struct {
		name string
		with func(*proxies.Options)
		want string
	}{
		{"scenario", func(o *proxies.Options) { o.Scenarios = []string{"x"} }, "small, logged, rate2k"},
		{"proxy", func(o *proxies.Options) { o.Proxies = []string{"x"} }, "isame, haproxy, nginx, caddy"},
		{"rounds", func(o *proxies.Options) { o.Rounds = 0 }, "rounds"},
		{"none installed", func(o *proxies.Options) { o.Proxies, o.Isame = []string{"isame"}, "/no/such/program" }, "any of the proxies"},
	} {
		o := good
		tc.with(&o)
		if _, err := proxies.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v; want %q", tc.name, err, tc.want)
		}
	}
}
