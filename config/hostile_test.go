package config

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostile is a text that must be refused with one problem that contains want.
type hostile struct {
	name   string
	format string
	text   string
	want   string
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	tests := []hostile{
		{"empty", "yaml", "", "is empty"},
		{"empty JSON", "json", " \n", "is empty"},
		{"empty TOML", "toml", "\n\n", "is empty"},
		{"only comments", "toml", "# nothing\n", "there is no listener"},
		{"only a byte order mark", "yaml", "\xef\xbb\xbf", "is empty"},
		{"UTF-16", "yaml", "\xff\xfel\x00i\x00", "is not UTF-8 text: byte 0xff"},
		{"NUL", "json", "{\"a\x00\": 1}", "is not UTF-8 text: byte 0x00"},
		{"deep flow sections", "yaml", strings.Repeat("{a: ", 9000), "cannot be read as YAML"},
		{"deep closed flow lists", "yaml", "a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "is nested more than 32 levels deep"},
		{"deeper than the library allows", "yaml", strings.Repeat("[", 1_000_000), "cannot be read as YAML"},
		{"deep block lists", "yaml", strings.Repeat("- ", 9000), "is nested more than 32 levels deep"},
		{"deep JSON", "json", strings.Repeat("[", 1_000_000), "cannot be read as JSON"},
		{"deep closed JSON", "json", strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "is nested more than 32 levels deep"},
		{"deep TOML", "toml", "a = " + strings.Repeat("[", 1_000_000), "cannot be read as TOML"},
		{"deep closed TOML", "toml", "a = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "is nested more than 32 levels deep"},
		{"deep TOML keys", "toml", strings.Repeat("a.", 9000) + "a = 1", "is nested more than 32 levels deep"},
		{"many short lines", "yaml", strings.Repeat("-\n", 4*nodesMax), "holds more than 1000000 values"},
		{"alias bomb", "yaml", aliasBomb(), "aliases unfold to more than 10000 values"},
		{"merge bomb", "yaml", mergeBomb(), "aliases unfold to more than 10000 values"},
		{"alias to a section around it", "yaml", "a: &a\n  b: [*a]\n", "alias *a contains itself"},
		{"control character in a key", "yaml", "\"a\\x1fb\": 1\n", "a key must be plain text"},
		{"control character in a JSON key", "json", `{"a\u0000b": 1}`, "a key must be plain text"},
		{"control character in a TOML key", "toml", "\"a\\u0000b\" = 1\n", "a key must be plain text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			problems := refused(t, Options{Data: []byte(tt.text), Format: tt.format})
			if !strings.Contains(problems[0].Message, tt.want) {
				t.Errorf("got %q; want a problem with %q first", problems[0].Message, tt.want)
			}
		})
	}
}

// TestValuesAreCounted lowers the bound, which is too high to reach in a test.
func TestValuesAreCounted(t *testing.T) {
	t.Parallel()
	const bound = 1000
	for _, tt := range []struct{ format, before, after string }{
		{"yaml", "a: [", "1]"}, {"json", `{"a": [`, "1]}"}, {"toml", "a = [", "1]"},
	} {
		t.Run(tt.format, func(t *testing.T) {
			t.Parallel()
			parse := func(items int) (*node, Problems) {
				problems := &problemList{}
				text := tt.before + strings.Repeat("1,", items) + tt.after
				s := &source{data: []byte(text), format: tt.format, problems: problems, nodesMax: bound}
				return s.parse(), problems.list
			}
			if n, problems := parse(bound - 10); n == nil {
				t.Errorf("%d items are refused: %v", bound-10, problems)
			}
			if n, problems := parse(bound + 10); n != nil || len(problems) != 1 || problems[0].Message != "holds more than 1000 values" {
				t.Errorf("%d items: got %v; want them refused", bound+10, problems)
			}
		})
	}
}

// aliasBomb is the billion laughs: nine levels of nine aliases each.
func aliasBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [" + strings.Repeat("x, ", 8) + "x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return b.String()
}

// mergeBomb does the same with keys of sections.
func mergeBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 {x: 1}\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&b, "a%d: &a%d {<<: *a%d, k%d: *a%d}\n", i, i, i-1, i, i-1)
	}
	return b.String()
}

// TestHalfWrittenFiles cuts configurations at many bytes: each piece is either
// refused or a configuration, and nothing panics.
func TestHalfWrittenFiles(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"everything.good.yaml", "small.good.json", "small.good.toml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			whole, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			pieces, refusals := 0, 0
			for end := 0; end < len(whole)-1; end += 1 + len(whole)/300 {
				pieces++
				if loaded, err := Load(Options{File: file, Data: whole[:end], Environ: fixtureEnviron()}); err != nil {
					refusals++
				} else if loaded.Config == nil {
					t.Fatalf("cut at byte %d: neither a problem nor a configuration", end)
				}
			}
			if filepath.Ext(file) == ".json" && refusals < pieces {
				t.Errorf("%d of %d pieces were refused; want all", refusals, pieces)
			}
		})
	}
}

func TestHugeFileIsRefusedUnread(t *testing.T) {
	file := filepath.Join(t.TempDir(), "isame.yaml")
	write(t, file, "listeners:\n")
	if err := os.Truncate(file, 100<<20); err != nil { // 100 MiB that take no disk
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := refused(t, Options{File: file}).Error()
	runtime.ReadMemStats(&after)
	if want := file + ":1:1: is larger than 10MiB"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 80<<20 {
		t.Errorf("reading took %d bytes of memory; want at most 80 MiB", grown)
	}
}

// TestFileOfManyBackends loads a file of 2 MiB, which no limit must refuse.
func TestFileOfManyBackends(t *testing.T) {
	text := []byte("listeners: {web: {address: \":8080\"}}\npools:\n  api:\n    backends:\n")
	for i := 0; len(text) < 2<<20; i++ {
		text = fmt.Appendf(text, "      - {address: \"10.%d.%d.%d:8080\", weight: %d}\n", i>>16&255, i>>8&255, i&255, i%100)
	}
	loaded, err := Load(Options{Data: text})
	if err != nil {
		t.Fatalf("a file of %d bytes is refused: %.300s", len(text), err)
	}
	if got := len(loaded.Config.Pools["api"].Backends); got < 30_000 {
		t.Errorf("got %d backends; want more than 30000", got)
	}
}

func TestVanishedAndForeignFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "isame.yaml")
	write(t, file, base)
	if _, err := Load(Options{File: file}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := refused(t, Options{File: file}).Error(); !strings.Contains(got, "cannot be read: no such file or directory") {
		t.Errorf("got %q after the file was removed", got)
	}
	if os.Getuid() == 0 {
		return // root reads everything
	}
	write(t, file, base)
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	if got := refused(t, Options{File: file}).Error(); !strings.Contains(got, "cannot be read: permission denied") {
		t.Errorf("got %q for a file of another owner", got)
	}
}

// TestReferencesDoNotBlock points ${FILE:} at what never ends or never answers.
func TestReferencesDoNotBlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, large := filepath.Join(dir, "pipe"), filepath.Join(dir, "large")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, large, strings.Repeat("x", referenceBytesMax+1))
	tests := []struct{ name, file, want string }{
		{"device", "/dev/zero", "it is not a regular file"},
		{"pipe", pipe, "it is not a regular file"},
		{"folder", dir, "it is not a regular file"},
		{"large", large, "it is larger than 64KiB"},
		{"missing", filepath.Join(dir, "missing"), "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := base + "admin: {token: \"${FILE:" + tt.file + "}\"}\n"
			got := refused(t, Options{Data: []byte(text)}).Error()
			if !strings.HasSuffix(got, "admin.token: cannot resolve ${FILE:"+tt.file+"}: "+tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// TestManyMistakesAreCheap bounds the work of suggestions for a text made of mistakes.
func TestManyMistakesAreCheap(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("listeners: {web: {address: \":8080\"}}\nroutes:\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  r%d: {path: /%d, pool: dangling%d, unknown%d: 1}\n", i, i, i, i)
	}
	text.WriteString("pools:\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  pool%d: {backends: []}\n", i)
	}
	problems := refused(t, Options{Data: text.Bytes()})
	if len(problems) != problemsMax+1 {
		t.Errorf("got %d problems; want them bounded by %d", len(problems), problemsMax)
	}
}

// TestManyStagesAreCheap has mistakes and warnings whose search took minutes when each
// looked at all others.
func TestManyStagesAreCheap(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for _, tt := range []struct{ name, stage string }{
		{"one long cycle of chains", "{type: chain, stages: [m%[2]d, m%[3]d]}"},
		{"nobody runs them", "{type: deny}"},
		{"unknown keys", "{type: deny, x%[1]d: 5}"},
		{"unknown types", "{type: x%[1]d}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := []byte("listeners: {web: {address: ':1'}}\npools: {p: {backends: [{address: 'a:1'}]}}\nmiddleware:\n")
			for i := range n {
				text = fmt.Appendf(text, "  m%[1]d: "+tt.stage+"\n", i, (i+1)%n, (i+2)%n)
			}
			text = append(text, "routes:\n"...)
			for i := range n / 10 {
				text = fmt.Appendf(text, "  r%[1]d: {path: /%[1]d, pool: p, middleware: [m%[1]d]}\n", i)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			loaded := make(chan *Loaded, 1)
			go func() { loaded <- read(&Options{Data: text}, &problemList{}) }()
			select {
			case l := <-loaded:
				if len(l.Warnings) > problemsMax {
					t.Errorf("got %d warnings; want at most %d", len(l.Warnings), problemsMax)
				}
			case <-ctx.Done():
				t.Error("it takes more than a minute; a second is enough")
			}
		})
	}
}
