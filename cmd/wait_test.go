package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// plainWaits are the functions of tests that wait for a time and for nothing else, and
// why that must be. All others wait for an event, with a deadline.
var plainWaits = map[string]string{
	"offer":                                     "offers requests at a rate, which is so many in a time",
	"TestSharedRateLimitIsExact":                "a limit is full again with time alone",
	"TestAccessLogTakesASampleAndWhatIsSlow":    "a backend that is slower than log.access.slow",
	"TestDashboardsCostLittle":                  "processor time, which is measured over a time",
	"TestDrainLosesNoRequestOfKeptConnections":  "clients that think between their requests",
	"TestFixedIdleTimeoutOfBackendIsLearnt":     "clients that ask around the age at which a backend closes",
	"TestJitterTellsOneConnectionAfterTheOther": "clients that think between their requests",
	"TestGraceBeginsWithTheExchange":            "a backend that uses most of the grace, twice",
	"TestKeepAliveTimeoutOfBackendIsBelieved":   "an age around the one that a backend names",
	"TestKneeFindsCapacity":                     "a target that takes so long for a request",
	"TestRecordsTellWhoWasWaitedFor":            "a backend that is slow by so much",
	"TestRunInterleavesRounds":                  "a target that takes so long for a request",
	"TestWhatIsNoIdleCloseCostsNoConnections":   "a backend that dies after a while",
	"killedAtRandom":                            "a process that is killed at a random moment",
	"misbehave":                                 "a backend that says something so late",
	"pace":                                      "peers that are slow by so much, which is what is found",
	"pass":                                      "the clock of a bubble",
	"pause":                                     "clients that think between their requests",
	"serveAnything":                             "a backend that answers after its time",
	"stalling":                                  "a target that stops for so long",
	"newWorkshop":                               "a backend that takes so long for a request",
	"TestLookingEndsWithItsLastReader":          "a look that takes so long",
}

// TestTestsWaitForEvents: a test that waits for a plain time is wrong on a slow machine
// or slow on every machine.
func TestTestsWaitForEvents(t *testing.T) {
	met := map[string]bool{}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, function := range pauses(t, path, read(t, path)) {
			met[function] = true
			if plainWaits[function] == "" {
				t.Errorf("%s: %s waits for a plain time: wait for the event, use testing/synctest, or say why it must be a time", path, function)
			}
		}
	}
	for function := range plainWaits {
		if !met[function] {
			t.Errorf("%s is said to wait for a time, and does not, or is not there", function)
		}
	}
}

// TestPlainWaitsAreNoticed shows that the check above can fail.
func TestPlainWaitsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		body string
		want int
	}{
		{"<-time.After(d)", 1},
		{"<-time.NewTimer(d).C", 1},
		{"done := time.NewTimer(d); <-done.C", 1},
		{"go func() { <-time.After(d) }()", 1},
		{"for !ok() { <-time.After(d) }", 1},
		{"for ; !ok(); <-time.After(d) {}", 0},
		{"select { case <-time.After(d): case <-done: }", 0},
		{"tick := time.NewTicker(d); for range 3 { <-tick.C }", 0},
		{"synctest.Test(t, func(t *testing.T) { <-time.After(d) })", 0},
		{"<-done", 0},
	} {
		if got := len(pauses(t, "p_test.go", []byte("package p\nfunc f() { "+c.body+" }\n"))); got != c.want {
			t.Errorf("%s: got %d; want %d", c.body, got, c.want)
		}
	}
}

// pauses are the functions that receive from a timer as a statement of its own, once
// each time. None is what is between two looks at a condition, behind the second
// semicolon of a for, and what passes in a bubble of testing/synctest.
func pauses(t *testing.T, path string, source []byte) (found []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Base(path), source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("cannot parse %s: %v", path, err)
	}
	for _, d := range f.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		timers, looks := map[string]bool{}, map[ast.Stmt]bool{}
		ast.Inspect(function, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				return name(n.Fun) != "synctest.Test"
			case *ast.AssignStmt:
				for i, value := range n.Rhs {
					if call, ok := value.(*ast.CallExpr); ok && name(call.Fun) == "time.NewTimer" {
						timers[name(n.Lhs[i])] = true
					}
				}
			case *ast.ForStmt:
				looks[n.Post] = true
			case *ast.CommClause:
				looks[n.Comm] = true
			case *ast.ExprStmt:
				if !looks[n] && isPause(n.X, timers) {
					found = append(found, function.Name.Name)
				}
			}
			return true
		})
	}
	return found
}

// isPause reports a receive from a timer: one made here, or one of those in timers.
func isPause(x ast.Expr, timers map[string]bool) bool {
	from, ok := x.(*ast.UnaryExpr)
	if !ok || from.Op != token.ARROW {
		return false
	}
	text := name(from.X)
	timer, isC := strings.CutSuffix(text, ".C")
	return text == "time.After()" || text == "time.NewTimer().C" || isC && timers[timer]
}
