package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is wrong with testdata/*.bad.* into the .want files beside them")

// fixtureEnviron is the environment of every fixture.
func fixtureEnviron() []string { return []string{"NOT_A_NUMBER=hunter2"} }

// fixtures lists the files of testdata that match pattern.
func fixtures(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixture matches %q: %v", pattern, err)
	}
	return files
}

// TestBadFixtures loads one file for each mistake and compares every line of
// what is reported, positions included.
func TestBadFixtures(t *testing.T) {
	t.Parallel()
	base, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range fixtures(t, "*.bad.*") {
		if filepath.Ext(file) == ".want" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, err := Load(Options{File: filepath.ToSlash(file), Environ: fixtureEnviron()})
			if err == nil {
				t.Fatal("accepted; want problems")
			}
			got := []byte(strings.ReplaceAll(err.Error()+"\n", base, "BASE"))
			if strings.HasPrefix(filepath.Base(file), "stage-") {
				got = withoutStages(got)
			}
			if bytes.Contains(got, []byte("hunter2")) {
				t.Errorf("the value of a reference is shown: %s", got)
			}
			if *update {
				if err := os.WriteFile(file+".want", got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got problems\n%swant\n%s", got, want)
			}
		})
	}
}

// withoutStages leaves out that types of middleware do not work yet, which the fixtures
// of their keys are not about.
func withoutStages(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte("not supported yet: ")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// TestGoodFixturesRoundTrip loads each good file, prints it in both formats and
// loads that again: the same configuration comes out.
func TestGoodFixturesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, file := range fixtures(t, "*.good.*") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			loaded := taken(t, Options{File: file, Environ: fixtureEnviron()})
			for _, format := range []string{"yaml", "json"} {
				roundTrip(t, loaded, format, fixtureEnviron())
			}
		})
	}
}

// taken is Load that fails the test on problems.
func taken(t *testing.T, opts Options) *Loaded {
	t.Helper()
	loaded, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// roundTrip prints a configuration and fails when loading the text gives another one.
func roundTrip(t *testing.T, loaded *Loaded, format string, environ []string) {
	t.Helper()
	var text bytes.Buffer
	if err := Write(&text, loaded, format); err != nil {
		t.Fatal(err)
	}
	again, err := Load(Options{Data: text.Bytes(), Format: format, Environ: environ})
	if err != nil {
		t.Fatalf("printed %s is refused: %v\n%s", format, err, text.String())
	}
	if !reflect.DeepEqual(again.Config, loaded.Config) {
		t.Fatalf("printed %s loads to\n%#v\nwant\n%#v\n%s", format, again.Config, loaded.Config, text.String())
	}
}
