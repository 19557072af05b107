package health

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/valyala/fastjson"
)

// Defaults of a health_check whose fields are zero; the same as config's.
const (
	checkInterval = 5 * time.Second
	checkTimeout  = time.Second
	checkRise     = 2
	checkFall     = 3
	checkPath     = "/"
)

const (
	// bodyProbeMax is how much of a body a probe reads; the rest is not looked at.
	bodyProbeMax = 64 << 10
	// probeAgent is how probes name themselves in the logs of backends.
	probeAgent = "isame-lb-health"
)

// statusRange is one entry of expect_status, both ends included.
type statusRange struct{ low, high int }

// probeKind is how a backend is asked.
type probeKind uint8

const (
	probeHTTP probeKind = iota
	probeTCP
	probeGRPC
)

// kindOfProbe reads health_check.type.
func kindOfProbe(name string) (probeKind, error) {
	switch name {
	case "", "http":
		return probeHTTP, nil
	case "tcp":
		return probeTCP, nil
	case "grpc":
		return probeGRPC, nil
	}
	return 0, fmt.Errorf("type: %q is none of http, tcp and grpc", name)
}

// Definition is a compiled health_check. It is immutable and shared by all
// backends of a pool; its key tells definitions apart, so that state is kept
// over a reload exactly when the check stayed the same.
type Definition struct {
	Key      string
	kind     probeKind
	method   string
	path     string
	host     string  // what is asked for; empty is what the address and the certificate say
	fields   []field // of requests, beside those that say how they are sent
	port     int     // in place of the address's; 0 is that
	service  string  // of grpc; empty is the server as a whole
	interval time.Duration
	timeout  time.Duration
	rise     int
	fall     int
	statuses []statusRange
	wanted   string // the statuses in words
	body     string
	json     []jsonWant       // in order of the path
	dialing  *attempt.Dialing // how its connections begin; nil is clear text
}

// field is one entry of headers.
type field struct{ name, value string }

// jsonWant is one entry of expect_json.
type jsonWant struct {
	path  string
	keys  []string
	value string
}

// Define compiles a health_check and reports every problem in it.
func Define(c *config.HealthCheck) (*Definition, error) {
	d := &Definition{
		Key:      fmt.Sprintf("%+v", *c), // maps print in key order
		service:  c.Service,
		method:   cmp.Or(c.Method, http.MethodGet),
		path:     cmp.Or(c.Path, checkPath),
		host:     c.Host,
		port:     c.Port,
		interval: OrDuration(c.Interval, checkInterval),
		timeout:  OrDuration(c.Timeout, checkTimeout),
		rise:     orCount(c.HealthyAfter, checkRise),
		fall:     orCount(c.UnhealthyAfter, checkFall),
		body:     c.ExpectBody,
	}
	for _, name := range sortedKeys(c.Headers) {
		d.fields = append(d.fields, field{name, c.Headers[name]})
	}
	var problems []error
	var err error
	if d.kind, err = kindOfProbe(c.Type); err != nil {
		problems = append(problems, err)
	}
	if !strings.HasPrefix(d.path, "/") || strings.ContainsFunc(d.path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		problems = append(problems, fmt.Errorf("path: %q does not begin with / or has spaces or control characters", d.path))
	}
	statuses := c.ExpectStatus
	if len(statuses) == 0 {
		statuses = []string{"200-299"}
	}
	for _, s := range statuses {
		r, err := parseStatusRange(s)
		if err != nil {
			problems = append(problems, err)
		}
		d.statuses = append(d.statuses, r)
	}
	d.wanted = strings.Join(statuses, ", ")
	for _, path := range sortedKeys(c.ExpectJSON) {
		d.json = append(d.json, jsonWant{path: path, keys: strings.Split(path, "."), value: c.ExpectJSON[path]})
	}
	return d, errors.Join(problems...)
}

// Over is the definition for connections that begin as d says, to a member that sees host
// unless the section says another one; empty is none. What a probe sees depends on both,
// so the state is kept only while they stay the same.
func (d *Definition) Over(how *attempt.Dialing, host string) *Definition {
	host = cmp.Or(d.host, host)
	if *how == (attempt.Dialing{}) && host == d.host {
		return d
	}
	c := *d
	c.dialing, c.host = how, host
	c.Key = fmt.Sprintf("%s %+v %s", d.Key, how.Key(), host)
	return &c
}

// parseStatusRange reads "204" or "200-299".
func parseStatusRange(s string) (statusRange, error) {
	low, high, both := strings.Cut(s, "-")
	if !both {
		high = low
	}
	a, errLow := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	b, errHigh := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if errLow != nil || errHigh != nil || a < 100 || b > 599 || a > b {
		return statusRange{}, fmt.Errorf("expect_status: %q is not a code or a range of codes from 100 to 599", s)
	}
	return statusRange{int(a), int(b)}, nil
}

// judge says whether an answer is a good one, and what was seen in words. The
// body is what was read of it, at most bodyProbeMax bytes.
func (d *Definition) judge(status int, body []byte) (good bool, reason string) {
	if !d.accepts(status) {
		return false, fmt.Sprintf("status %d, want %s", status, d.wanted)
	}
	if d.body != "" && !strings.Contains(string(body), d.body) {
		return false, fmt.Sprintf("status %d, body does not contain %q", status, d.body)
	}
	if len(d.json) > 0 {
		if problem := d.judgeJSON(body); problem != "" {
			return false, problem
		}
	}
	return true, fmt.Sprintf("status %d", status)
}

func (d *Definition) accepts(status int) bool {
	for _, r := range d.statuses {
		if status >= r.low && status <= r.high {
			return true
		}
	}
	return false
}

// wantsBody says whether a verdict needs the body at all.
func (d *Definition) wantsBody() bool { return d.body != "" || len(d.json) > 0 }

// judgeJSON returns what is wrong, or the empty string. A member named with its
// dots ("build.version") is tried before the path is taken apart.
func (d *Definition) judgeJSON(body []byte) string {
	var parser fastjson.Parser
	v, err := parser.ParseBytes(body)
	if err != nil {
		return "body is not JSON"
	}
	for _, want := range d.json {
		got := v.Get(want.path)
		if got == nil {
			got = v.Get(want.keys...)
		}
		if got == nil {
			return fmt.Sprintf("JSON has no %s, want %q", want.path, want.value)
		}
		if text := jsonText(got); text != want.value {
			return fmt.Sprintf("JSON %s is %q, want %q", want.path, attempt.Clip(text), want.value)
		}
	}
	return ""
}

// jsonText is a value as the configuration would write it: strings without
// quotes, everything else as JSON.
func jsonText(v *fastjson.Value) string {
	if v.Type() == fastjson.TypeString {
		return string(v.GetStringBytes())
	}
	return v.String()
}

// allFields are the fields of an HTTP probe: those of the section go before our own.
func (d *Definition) allFields() []field {
	own := []field{{"User-Agent", probeAgent}, {"Accept", "*/*"}}
	own = slices.DeleteFunc(own, func(o field) bool {
		return slices.ContainsFunc(d.fields, func(f field) bool { return strings.EqualFold(f.name, o.name) })
	})
	return append(own, d.fields...)
}

func sortedKeys(m map[string]string) []string {
	return slices.Sorted(maps.Keys(m))
}

// OrDuration is d, or another one where that is not above 0.
func OrDuration(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func orCount(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Sight is what one probe saw.
type Sight struct {
	Good bool
	Dead bool // nobody answers at the address: refused, no such socket, no way there
	// Reason says it in words.
	Reason string
}
