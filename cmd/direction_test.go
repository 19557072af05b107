package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// backMost is the share, in percent, of the arrows between the files of a package that may
// run back up in the best order of its files. An arrow leads from a file to another one
// whose types, functions, methods, fields, variables or constants it uses. So a reader can
// go through the files once.
// A small package may have backFew of them.
const (
	backMost = 10
	backFew  = 2
)

// oneWay are the packages that are held to it: those that a request passes through.
var oneWay = []string{
	"pool", "pool/socket", "pool/attempt", "pool/health",
	"engine", "engine/http2", "engine/http3", "engine/stream", "engine/answer", "engine/retry", "engine/route", "engine/observe",
}

// arrow leads from one file to another.
type arrow struct{ from, to string }

// typedPackage is what the test reads of `go list -export`.
type typedPackage struct {
	ImportPath string   `json:"ImportPath"` //nolint:tagliatelle // as go list writes it
	Dir        string   `json:"Dir"`        //nolint:tagliatelle // as go list writes it
	Export     string   `json:"Export"`     //nolint:tagliatelle // as go list writes it
	GoFiles    []string `json:"GoFiles"`    //nolint:tagliatelle // as go list writes it
}

// TestFilesOfAPackagePointOneWay prints the shares with -v.
func TestFilesOfAPackagePointOneWay(t *testing.T) {
	known := exported(t)
	for _, room := range oneWay {
		arrows := arrowsOf(t, known, known[module+"/"+room])
		order := bestOrder(arrows)
		back := backwards(order, arrows)
		t.Logf("%s: %d of %d arrows run back up", room, len(back), len(arrows))
		if len(back) > backFew && len(back)*100 >= backMost*len(arrows) {
			t.Errorf("%s: %d of %d arrows run back up in the order %v; want less than %d %%: %v",
				room, len(back), len(arrows), order, backMost, back)
		}
	}
}

// TestArrowsBackAreCounted shows that the check above can fail.
func TestArrowsBackAreCounted(t *testing.T) {
	for _, c := range []struct {
		name   string
		arrows []arrow
		want   int
	}{
		{"a line", []arrow{{"c", "b"}, {"b", "a"}, {"c", "a"}}, 0},
		{"two that need each other", []arrow{{"a", "b"}, {"b", "a"}}, 1},
		{"a ring", []arrow{{"a", "b"}, {"b", "c"}, {"c", "a"}}, 1},
		{"a ring and a pair", []arrow{{"a", "b"}, {"b", "c"}, {"c", "a"}, {"c", "d"}, {"d", "c"}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			arrows := map[arrow]bool{}
			for _, a := range c.arrows {
				arrows[a] = true
			}
			if got := len(backwards(bestOrder(arrows), arrows)); got != c.want {
				t.Errorf("got %d; want %d", got, c.want)
			}
		})
	}
}

// exported are all packages of the module and what they import, with their types.
func exported(t *testing.T) map[string]typedPackage {
	t.Helper()
	command := exec.Command("go", "list", "-pgo=off", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", module+"/engine/...", module+"/pool/...")
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v\n%s", err, stderr.String())
	}
	known := map[string]typedPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p typedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return known
		} else if err != nil {
			t.Fatalf("cannot read the list of packages: %v", err)
		}
		known[p.ImportPath] = p
	}
}

// arrowsOf type-checks a package and returns the arrows between its files.
func arrowsOf(t *testing.T, known map[string]typedPackage, p typedPackage) map[arrow]bool {
	t.Helper()
	set, files := token.NewFileSet(), []*ast.File(nil)
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	lookup := func(path string) (io.ReadCloser, error) {
		if known[path].Export == "" {
			return nil, fmt.Errorf("no types of %s", path)
		}
		return os.Open(known[path].Export)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checker := types.Config{Importer: importer.ForCompiler(set, "gc", lookup)}
	self, err := checker.Check(p.ImportPath, set, files, info)
	if err != nil {
		t.Fatalf("cannot check %s: %v", p.ImportPath, err)
	}
	arrows := map[arrow]bool{}
	for at, object := range info.Uses {
		if object.Pkg() != self || !isOfPackage(object) {
			continue
		}
		a := arrow{filepath.Base(set.Position(at.Pos()).Filename), filepath.Base(set.Position(object.Pos()).Filename)}
		if a.from != a.to {
			arrows[a] = true
		}
	}
	return arrows
}

// isOfPackage reports what another file can use: nothing inside of a function.
func isOfPackage(o types.Object) bool {
	if v, ok := o.(*types.Var); ok && v.IsField() {
		return true
	}
	if _, ok := o.(*types.Func); ok {
		return true
	}
	return o.Parent() == o.Pkg().Scope()
}

// bestOrder is an order of the files in which few arrows run back: files are moved one by
// one for as long as that helps.
func bestOrder(arrows map[arrow]bool) []string {
	names := map[string]bool{}
	for a := range arrows {
		names[a.from], names[a.to] = true, true
	}
	order := slices.Sorted(maps.Keys(names))
	for improved := true; improved; {
		improved = false
		for _, name := range slices.Clone(order) {
			if better := moved(order, name, arrows); better != nil {
				order, improved = better, true
			}
		}
	}
	return order
}

// moved is the order with a file where fewest arrows run back; nil if that is no gain.
func moved(order []string, name string, arrows map[arrow]bool) (best []string) {
	least := len(backwards(order, arrows))
	rest := slices.DeleteFunc(slices.Clone(order), func(o string) bool { return o == name })
	for at := range order {
		tried := slices.Insert(slices.Clone(rest), at, name)
		if n := len(backwards(tried, arrows)); n < least {
			best, least = tried, n
		}
	}
	return best
}

// backwards are the arrows that lead to a file further up.
func backwards(order []string, arrows map[arrow]bool) (back []arrow) {
	at := make(map[string]int, len(order))
	for i, name := range order {
		at[name] = i
	}
	for a := range arrows {
		if at[a.from] > at[a.to] {
			back = append(back, a)
		}
	}
	return back
}
