package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// skip is why a function of the tests leaves something out.
type skip struct {
	calls int  // of Skip, Skipf and SkipNow
	tool  bool // for want of a program of others: with CI=true that fails
	why   string
}

// skips are all there are, by the function. A test that is skipped shows nothing, so a
// new one is a decision, to be explained in the commit.
var skips = map[string]skip{
	"FuzzLiteralBeginning":               {1, false, "inputs that are no expression"},
	"FuzzLoad":                           {1, false, "inputs that would read files of this machine"},
	"FuzzOverlay":                        {1, false, "inputs that would read files of this machine"},
	"TestAgainstTheRealBinary":           {1, false, "takes long, left out by -short"},
	"TestCompletionScripts":              {1, true, "scripts are read by the shells there are; zsh and fish may be missing"},
	"TestCurl":                           {1, true, "asks by curl"},
	"TestEveryProxyHoldsConnections":     {1, false, "takes long, left out by -short"},
	"TestNamesAreWrittenAsOpenSSLDoes":   {1, true, "compares with openssl"},
	"TestOverloadCostsOnlyWhatIsTooMuch": {1, false, "takes long, left out by -short"},
	"TestPipesAreBounded":                {1, false, "a user who may have few pipes"},
	"TestSoak":                           {1, false, "takes long, left out by -short"},
	"curlOverQUIC":                       {1, false, "a curl that does not speak HTTP/3, as Debian's"},
	"needClient":                         {1, true, "clients of others, over upgrades"},
	"TestSystemResolver":                 {1, false, "a machine without a resolver"},
	"blackHole":                          {1, false, "a kernel that queues connections without bound"},
	"installed":                          {1, true, "measures nginx and HAProxy"},
	"need":                               {1, true, "programs of others that are built here"},
	"needDecoder":                        {1, true, "decodes by gzip, brotli and zstd"},
	"needEtcd":                           {2, true, "configurations that are shared through etcd"},
	"needPromtool":                       {1, true, "checks metrics by Prometheus' own tool"},
	"needPrometheus3":                    {1, false, "is scraped by a Prometheus 3, which takes long to build: ISAME_PROMETHEUS names it"},
	"needRedis":                          {1, true, "limits that are shared through Redis"},
	"needProgram":                        {1, true, "all other programs of others"},
	"pacedListener":                      {1, false, "a kernel that lets nobody choose the congestion control"},
	"startRedis":                         {1, true, "limits that are shared through Redis"},
	"startNginx":                         {1, true, "compares with nginx"},
}

func TestSkipsAreCounted(t *testing.T) {
	met := map[string]int{}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		for function, calls := range skipCalls(t, path, read(t, path)) {
			met[function] += len(calls)
			if skips[function].tool && !slices.Contains(calls, true) {
				t.Errorf("%s: %s skips for want of a program and does not fail with CI=true", path, function)
			}
			if known := skips[function].calls; met[function] > known {
				t.Errorf("%s: %s skips in %d places; want at most %d: what is skipped shows nothing", path, function, met[function], known)
			}
		}
	}
	for function := range skips {
		if met[function] == 0 {
			t.Errorf("%s is said to skip, and does not, or is not there", function)
		}
	}
}

// TestSkipsAreNoticed shows that the check above can fail.
func TestSkipsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		body string
		want []bool
	}{
		{"t.Skip()", []bool{false}},
		{`t.Skipf("x %d", 1)`, []bool{false}},
		{"b.SkipNow()", []bool{false}},
		{"x.Fuzz(func(t *testing.T) { t.Skip(1); f.Skip(2) })", []bool{false, false}},
		{"tb.Skip(why)", []bool{false}},
		{`if os.Getenv("CI") == "true" { t.Fatal() }; t.Skip()`, []bool{true}},
		{"decoder.Skip(); s.Skip(6); t.Skipped()", nil},
	} {
		if got := skipCalls(t, "p_test.go", []byte("package p\nfunc f() { "+c.body+" }\n"))["f"]; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v; want %v", c.body, got, c.want)
		}
	}
}

// skipCalls are the calls that leave a test out, by the function they stand in; true
// where that asks before whether it runs in CI. Tests are told by the usual names of
// their parameters: a decoder has a Skip as well.
func skipCalls(t *testing.T, path string, source []byte) map[string][]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Base(path), source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("cannot parse %s: %v", path, err)
	}
	found := map[string][]bool{}
	for _, d := range f.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		asked := false
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			on, method, _ := strings.Cut(name(call.Fun), ".")
			switch {
			case on == "os" && method == "Getenv" && isText(call.Args, "CI"):
				asked = true
			case slices.Contains([]string{"t", "b", "f", "tb"}, on) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, method):
				found[function.Name.Name] = append(found[function.Name.Name], asked)
			}
			return true
		})
	}
	return found
}

// isText reports that the only argument is this text.
func isText(args []ast.Expr, text string) bool {
	if len(args) != 1 {
		return false
	}
	literal, ok := args[0].(*ast.BasicLit)
	return ok && literal.Value == strconv.Quote(text)
}
