package cmd

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/isame-lb/isame-lb"

// room is one top-level folder: whom it may import, and why not more.
type room struct {
	// rooms it may import, beside itself.
	rooms []string
	// modules are prefixes of the import paths outside the standard library
	// it may use; nil means any.
	modules []string
	why     string
}

// rooms is the picture of the architecture. An arrow that is not here fails
// the test; adding one is a decision, to be explained in the commit.
var rooms = map[string]room{
	"algo": {
		modules: []string{},
		why:     "algo holds pure decisions on plain numbers: no I/O, goroutine, clock, log or metrics library, so that it can be tested by models and fuzzed",
	},
	"config": {
		modules: []string{"github.com/knadh/koanf/", "go.yaml.in/yaml/", "github.com/pelletier/go-toml/", "github.com/go-viper/mapstructure/"},
		why:     "config is plain data and a leaf: koanf and its parsers, nothing that runs",
	},
	"pool": {
		rooms: []string{"algo", "config"},
		why:   "pool connects; what it is used for (routes, listeners, the API) is above it",
	},
	"engine": {
		rooms: []string{"pool", "config"},
		why:   "engine forwards; it knows balancing only through pool, and must run without an admin API",
	},
	"ctl": {
		rooms: []string{"pool", "config"},
		why:   "ctl shows; it gets plain functions from cmd, so that the engine can change without it",
	},
	"bench": {
		rooms: []string{"algo"},
		why: "bench measures from outside with its own load generator; sharing code with what it measures would hide faults. " +
			"bench/sim simulates the laws of algo, which are pure: a copy of them would prove nothing",
	},
	"cmd": {
		rooms: []string{"algo", "config", "pool", "engine", "ctl", "bench"},
		why:   "cmd wires",
	},
	"scripts": {why: "scripts stand beside the code"},
}

// fasthttpRooms are the rooms that may know the HTTP library.
var fasthttpRooms = []string{"engine", "pool", "ctl", "bench"}

// goPackage is what the test reads of `go list -json`.
type goPackage struct {
	ImportPath   string   `json:"ImportPath"`   //nolint:tagliatelle // as go list writes it
	Imports      []string `json:"Imports"`      //nolint:tagliatelle // as go list writes it
	TestImports  []string `json:"TestImports"`  //nolint:tagliatelle // as go list writes it
	XTestImports []string `json:"XTestImports"` //nolint:tagliatelle // as go list writes it
}

func TestArrowsBetweenRooms(t *testing.T) {
	for _, p := range listPackages(t) {
		from := roomOf(p.ImportPath)
		rule, known := rooms[from]
		if !known {
			t.Errorf("%s: folder %q is not one of the agreed rooms", p.ImportPath, from)
			continue
		}
		for _, imported := range p.Imports {
			checkArrow(t, p.ImportPath, imported, rule)
			checkModule(t, p.ImportPath, imported, rule)
		}
		// Tests may use further libraries, but no further rooms: a test that
		// needs the room above belongs there.
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			checkArrow(t, p.ImportPath, imported, rule)
		}
	}
}

// TestArrowsAreNoticed shows that the checks above can fail.
func TestArrowsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           bool
	}{
		{"own room", "pool", "pool/wire", true},
		{"downward", "engine", "pool", true},
		{"upward", "pool", "engine/observe", false},
		{"sideways", "ctl", "engine", false},
		{"past a room", "engine", "algo", false},
		{"nobody imports cmd", "ctl", "cmd", false},
		{"bench stands alone", "bench", "config", false},
		{"bench does not borrow", "bench", "pool", false},
		{"bench simulates", "bench", "algo", true},
		{"leaf", "config", "algo", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := arrowAllowed(c.from, roomOf(module+"/"+c.to), rooms[c.from]); got != c.want {
				t.Errorf("%s -> %s allowed: got %v; want %v", c.from, c.to, got, c.want)
			}
		})
	}
	if moduleAllowed("github.com/rs/zerolog", rooms["algo"]) {
		t.Error("algo may import zerolog; want only the standard library")
	}
	if !moduleAllowed("math/bits", rooms["algo"]) || !moduleAllowed("github.com/rs/zerolog", rooms["pool"]) {
		t.Error("allowed module refused")
	}
}

func TestFasthttpStaysInItsRooms(t *testing.T) {
	const library = "github.com/valyala/fasthttp"
	for _, p := range listPackages(t) {
		if slices.Contains(fasthttpRooms, roomOf(p.ImportPath)) {
			continue
		}
		for _, imported := range p.Imports {
			if imported == library || strings.HasPrefix(imported, library+"/") {
				t.Errorf("%s imports %s: it appears in %s only, so that replacing it stays possible",
					p.ImportPath, imported, strings.Join(fasthttpRooms, ", "))
			}
		}
	}
}

// TestOnlyTheSimulationKnowsAlgo: what measures real proxies has no business there.
func TestOnlyTheSimulationKnowsAlgo(t *testing.T) {
	may := []string{module + "/bench/sim", module + "/bench/cli"} // cli parses names of algorithms
	for _, p := range listPackages(t) {
		if roomOf(p.ImportPath) == "bench" && slices.Contains(p.Imports, module+"/algo") && !slices.Contains(may, p.ImportPath) {
			t.Errorf("%s imports algo: only %v may", p.ImportPath, may)
		}
	}
}

// leaf is a package below the engine that knows nothing of an exchange, or one below
// pool that knows nothing of policy.
type leaf struct {
	may  []string // what of ours it may import
	by   []string // who imports it; none is the room it stands in
	open bool     // anybody may import it
}

// stages is where the stages of a chain stand, inAuth what they check credentials with.
var (
	stages = []string{"engine", "engine/middleware"}
	inAuth = []string{"engine/auth/apikey", "engine/auth/passwd", "engine/auth/prefix", "engine/auth/token"}
)

var leaves = map[string]leaf{
	"engine/accesslog": {may: []string{"config", "engine/record", "pool/end", "pool/wire"}}, // lines, as data
	"engine/affinity":  {may: []string{"config", "pool", "pool/wire"}, by: []string{"engine", "engine/stage", "engine/middleware"}},
	"engine/answer":    {may: []string{"pool", "pool/attempt", "pool/end", "pool/wire"}, by: []string{"engine", "engine/stage", "engine/middleware"}},
	// What stages stand on that check who asks: they know credentials, and no exchange.
	"engine/auth/passwd":   {may: []string{"engine/auth/live", "engine/auth/verified"}, by: stages},
	"engine/auth/prefix":   {may: []string{"engine/auth/live"}, by: stages},
	"engine/auth/apikey":   {may: []string{"engine/auth/live"}, by: stages},
	"engine/auth/live":     {may: []string{"pool/safely"}, by: slices.Concat(stages, inAuth)},
	"engine/auth/token":    {may: []string{"engine/auth/live", "engine/auth/verified", "pool/safely"}, by: stages},
	"engine/auth/verified": {by: slices.Concat(stages, inAuth)},
	"engine/certs":         {may: []string{"config"}, by: []string{"engine", "engine/certs/terms"}},
	"engine/certs/acme":    {may: []string{"config", "engine/certs/acme/dns01", "engine/certs/acme/vault", "pool/safely"}},
	// What answers challenges by records: it knows name servers and providers, and no certificate.
	"engine/certs/acme/dns01": {may: []string{"config", "pool/safely"}, by: []string{"engine/certs/acme"}},
	"engine/certs/acme/vault": {by: []string{"engine/certs/acme"}}, // values on the disk and in common, and no certificate
	"engine/certs/terms":      {may: []string{"config", "engine/certs", "pool/attempt"}},
	// What may be compressed and how it is: of heads and pieces of content, not of an exchange.
	"engine/codec": {may: []string{"pool/wire"}, by: stages},
	// Protocols whose streams look like connections. What they have in common stands in
	// stream, so that neither knows the other; what is carried is not their matter.
	"engine/http2":         {may: []string{"engine/stream", "pool/safely", "pool/socket", "pool/wire", "pool/wire/frame", "pool/wire/hpack"}},
	"engine/http3":         {may: []string{"engine/http3/errcode", "engine/stream", "pool/safely", "pool/socket", "pool/wire"}},
	"engine/http3/errcode": {open: true},
	"engine/files":         {may: []string{"pool/safely", "pool/socket", "pool/wire"}},                     // of a folder, on the disk and in memory
	"engine/handler":       {may: []string{"pool/safely", "pool/wire"}, by: []string{"engine/middleware"}}, // fasthttp's contexts, over whoever carries an exchange
	// Requests beside an exchange: they know pools, and no exchange.
	"engine/inquiry":        {may: []string{"engine/observe", "engine/stage", "pool", "pool/attempt", "pool/end", "pool/safely", "pool/socket", "pool/wire"}},
	"engine/limit":          {may: []string{"engine/limit/rate"}, by: []string{"engine", "engine/middleware"}},
	"engine/limit/inflight": {by: []string{"engine/middleware"}},
	"engine/limit/rate":     {open: true},
	"engine/limit/shared":   {may: []string{"engine/limit/rate", "pool/safely"}, open: true},
	// Stages, and what they see of an exchange.
	"engine/stage": {may: []string{
		"config", "engine/affinity", "engine/answer", "engine/match", "engine/trust", "pool/end", "pool/socket", "pool/wire",
	}, open: true},
	"engine/middleware": {may: []string{
		"config", "engine/answer", "engine/auth/live", "engine/auth/verified", "engine/codec", "engine/handler", "engine/limit", "engine/limit/inflight", "engine/limit/rate", "engine/limit/shared",
		"engine/match", "engine/observe", "engine/observe/custom", "engine/stage",
		"engine/trust", "pool/end", "pool/safely", "pool/socket", "pool/stat", "pool/wire",
		"engine/affinity", "engine/auth/apikey", "engine/auth/passwd", "engine/auth/prefix", "engine/auth/token",
	}, open: true},
	"engine/observe": {may: []string{
		"engine/http3/errcode", "engine/observe/custom", "engine/observe/expose", "pool", "pool/end", "pool/safely", "pool/stat", "pool/wire/frame",
	}, open: true},
	// How metrics are written, and those of users: they know nothing of what ours count.
	"engine/observe/custom": {may: []string{"engine/observe/expose", "pool/stat"}, open: true},
	"engine/observe/expose": {may: []string{"pool/safely", "pool/stat"}, by: []string{"engine/observe", "engine/observe/custom"}},
	"engine/record":         {may: []string{"pool/end"}, by: []string{"engine", "engine/accesslog", "engine/trace", "cmd/run"}},
	"engine/otlp":           {by: []string{"engine/trace", "engine/push"}}, // what exporters share
	"engine/push":           {may: []string{"config", "engine/otlp", "pool/safely"}},
	"engine/trace":          {may: []string{"config", "engine/otlp", "engine/record", "pool/end", "pool/safely"}},
	"engine/retry":          {may: []string{"config", "pool/attempt"}},
	"engine/match":          {may: []string{"config", "engine/trust", "pool/wire"}, by: []string{"engine", "engine/middleware", "engine/route", "engine/stage"}},
	"engine/route":          {may: []string{"config", "engine/match", "pool/wire"}, open: true},
	"engine/stream":         {may: []string{"pool/socket", "pool/wire"}, by: []string{"engine/http2", "engine/http3", "engine/explain"}},
	"engine/explain":        {may: []string{"engine/stream", "pool", "pool/end"}, open: true}, // a request that nobody has sent, as data
	"engine/sink":           {may: []string{"pool/safely"}, open: true},
	"engine/trust":          {may: []string{"pool/wire"}, by: []string{"engine", "engine/match", "engine/stage", "engine/middleware"}},
	"engine/websocket":      {},
	"engine/worker":         {may: []string{"pool/safely"}},
	// From policy down to the kernel.
	"pool/health":  {may: []string{"config", "pool/attempt", "pool/safely", "pool/socket", "pool/wire", "pool/wire/frame", "pool/wire/hpack"}},
	"pool/attempt": {may: []string{"config", "pool/end", "pool/safely", "pool/socket", "pool/wire"}, open: true},
	"pool/socket":  {may: []string{"pool/safely"}, open: true},
	"pool/end":     {may: []string{"pool/wire"}, open: true},
	"pool/lookup":  {may: []string{"pool/safely"}},
	"pool/safely":  {open: true},
	"pool/stat":    {open: true},
	// What tests share; code that runs imports none of it.
	"pool/rig":      {may: []string{"config", "pool/socket"}, by: []string{"-"}},
	"pool/rig/kill": {by: []string{"-"}},
	"pool/rig/leak": {by: []string{"-"}},
}

// isFor reports that a package at path may import l, which is at.
func (l *leaf) isFor(at, path string) bool {
	return len(l.by) == 0 && path == roomOf(module+"/"+at) || slices.Contains(l.by, path)
}

func TestLeavesKnowNothingAbove(t *testing.T) {
	met := 0
	for _, p := range listPackages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		rule, isLeaf := leaves[path]
		if isLeaf {
			met++
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module+"/")
			if isLeaf && ours && !slices.Contains(rule.may, to) {
				t.Errorf("%s imports %s: of ours it may import %v only, so that it stays pure", path, to, rule.may)
			}
			if l, ok := leaves[to]; ok && !l.open && !l.isFor(to, path) {
				t.Errorf("%s imports %s: it is for its room only, or for those %v", path, to, l.by)
			}
		}
	}
	if met != len(leaves) {
		t.Errorf("found %d of the %d leaves; want all", met, len(leaves))
	}
}

// TestStatIsLeaf keeps the counters usable from every room.
func TestStatIsLeaf(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/pool/stat" {
			continue
		}
		for _, imported := range p.Imports {
			if !isStandard(imported) {
				t.Errorf("pool/stat imports %s: counters of the hot path are standard library only", imported)
			}
		}
	}
}

func checkArrow(t *testing.T, from, imported string, rule room) {
	t.Helper()
	if !strings.HasPrefix(imported, module+"/") {
		return
	}
	if to := roomOf(imported); !arrowAllowed(roomOf(from), to, rule) {
		t.Errorf("%s imports %s: %s may import %v only; %s", from, imported, roomOf(from), rule.rooms, rule.why)
	}
}

func checkModule(t *testing.T, from, imported string, rule room) {
	t.Helper()
	if !moduleAllowed(imported, rule) {
		t.Errorf("%s imports %s: %s", from, imported, rule.why)
	}
}

func arrowAllowed(from, to string, rule room) bool {
	return from == to || slices.Contains(rule.rooms, to)
}

func moduleAllowed(imported string, rule room) bool {
	if rule.modules == nil || isStandard(imported) || strings.HasPrefix(imported, module+"/") {
		return true
	}
	return slices.ContainsFunc(rule.modules, func(prefix string) bool { return strings.HasPrefix(imported+"/", prefix) })
}

// isStandard tells the standard library by its first path element, which has no dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func roomOf(importPath string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(importPath, module+"/"), "/")
	return first
}

// listPackages reads every package of the module, tests included.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	command := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("cannot read the list of packages: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(rooms)-2 {
		t.Fatalf("got %d packages; want at least one for each room", len(packages))
	}
	return packages
}
