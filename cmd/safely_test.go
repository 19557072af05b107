package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unguardedRooms are folders that are no part of the proxy's process, or the guard, or for tests only.
var unguardedRooms = []string{"bench/", "pool/safely/", "pool/rig/", "cmd/isame-bench/", "cmd/isame-ctl/"}

// unguarded are starts of goroutines that need no guard, with the reason.
var unguarded = map[string]string{
	"pool/socket/loop.go: go l.run": "its rounds catch panics; a loop that cannot wait for events must not be survived",
}

// TestGoroutinesAreGuarded: a goroutine or a timer that panics ends the process, unless
// it was started by package safely.
func TestGoroutinesAreGuarded(t *testing.T) {
	met := map[string]bool{}
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") || slices.ContainsFunc(unguardedRooms, func(room string) bool { return strings.HasPrefix(path, room) }) {
			continue
		}
		for _, s := range starts(t, path, read(t, path)) {
			met[path+": "+s.text] = true
			if unguarded[path+": "+s.text] == "" {
				t.Errorf("%s:%d: %s: start it with package pool/safely, or a panic in it ends the process", path, s.line, s.text)
			}
		}
	}
	for known := range unguarded {
		if !met[known] {
			t.Errorf("%q is an exception, and is not there", known)
		}
	}
}

// TestUnguardedGoroutinesAreNoticed shows that the check above can fail.
func TestUnguardedGoroutinesAreNoticed(t *testing.T) {
	const head = "package p\nfunc f() { "
	for _, c := range []struct{ name, body, want string }{
		{"go statement", "go g()", "go g"},
		{"go statement of a method", "go x.y.g(1)", "go x.y.g"},
		{"go statement of a literal", "go func() { g() }()", "go func"},
		{"timer", "time.AfterFunc(d, g)", "time.AfterFunc"},
		{"end of a context", "context.AfterFunc(ctx, g)", "context.AfterFunc"},
		{"wait group", "x.group.Go(func() {})", "x.group.Go"},
		{"guarded", "safely.Go(place, g); safely.New(place, g, nil).Go(); x.run.Go()", ""},
		{"guarded timer", "safely.After(d, place, g); safely.New(place, g, nil).After(d)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range starts(t, "p.go", []byte(head+c.body+" }\n")) {
				got = append(got, s.text)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%s: got %q; want %q", c.body, got, c.want)
			}
		})
	}
}

// start is a place that starts a goroutine of its own.
type start struct {
	line int
	text string
}

// starts finds go statements, timers that call, and wait groups that start.
func starts(t *testing.T, path string, source []byte) (found []start) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, filepath.Base(path), source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("cannot parse %s: %v", path, err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, start{files.Position(n.Pos()).Line, "go " + name(n.Call.Fun)})
		case *ast.CallExpr:
			if called := name(n.Fun); isStart(called, len(n.Args)) {
				found = append(found, start{files.Position(n.Pos()).Line, called})
			}
		}
		return true
	})
	return found
}

// isStart reports a call that starts a goroutine without a guard. The Go of a
// safely.Func has no arguments.
func isStart(called string, args int) bool {
	switch {
	case called == "time.AfterFunc", called == "context.AfterFunc":
		return true
	case strings.HasPrefix(called, "safely."):
		return false
	}
	return strings.HasSuffix(called, ".Go") && args > 0
}

// name is an expression in short.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return name(e.Fun) + "()"
	case *ast.FuncLit:
		return "func"
	}
	return fmt.Sprintf("%T", e)
}
