package trace

import (
	"encoding/hex"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

const (
	traceID = "12345678901234567890123456789012"
	spanID  = "1234567890123456"
)

var seeds = [3]uint64{0x0102030405060708, 0x1112131415161718, 0x2122232425262728}

// The cases are those of the trace-context test suite of W3C, by what they are about.
func TestTraceparent(t *testing.T) {
	for _, tc := range []struct {
		about, said string
		passes      bool
		flags       string
	}{
		{"valid", "00-" + traceID + "-" + spanID + "-01", true, "01"},
		{"not sampled", "00-" + traceID + "-" + spanID + "-00", true, "00"},
		{"the random flag stays", "00-" + traceID + "-" + spanID + "-03", true, "03"},
		{"unknown flags do not", "00-" + traceID + "-" + spanID + "-ff", true, "03"},
		{"none", "", false, ""},
		{"version 0xcc, as long as 00", "cc-" + traceID + "-" + spanID + "-01", true, "01"},
		{"version 0xcc, with more", "cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like", true, "01"},
		{"version 0xcc, with more, not apart", "cc-" + traceID + "-" + spanID + "-01.what-the-future-will-be-like", false, ""},
		{"version 0xff", "ff-" + traceID + "-" + spanID + "-01", false, ""},
		{"version with illegal digits", ".0-" + traceID + "-" + spanID + "-01", false, ""},
		{"version too long", "000-" + traceID + "-" + spanID + "-01", false, ""},
		{"version too short", "0-" + traceID + "-" + spanID + "-01", false, ""},
		{"version 00 with more", "00-" + traceID + "-" + spanID + "-01-more", false, ""},
		{"version 00 with a hyphen more", "00-" + traceID + "-" + spanID + "-01-", false, ""},
		{"trace all zero", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", false, ""},
		{"trace with illegal digits", "00-.2345678901234567890123456789012-" + spanID + "-01", false, ""},
		{"trace in capitals", "00-ABCDEF78901234567890123456789012-" + spanID + "-01", false, ""},
		{"trace too long", "00-" + traceID + "3-" + spanID + "-01", false, ""},
		{"trace too short", "00-" + traceID[1:] + "-" + spanID + "-01", false, ""},
		{"parent all zero", "00-" + traceID + "-0000000000000000-01", false, ""},
		{"parent with illegal digits", "00-" + traceID + "-.234567890123456-01", false, ""},
		{"parent too long", "00-" + traceID + "-" + spanID + "7-01", false, ""},
		{"parent too short", "00-" + traceID + "-" + spanID[1:] + "-01", false, ""},
		{"flags with illegal digits", "00-" + traceID + "-" + spanID + "-.0", false, ""},
		{"flags too long", "00-" + traceID + "-" + spanID + "-001", false, ""},
		{"flags too short", "00-" + traceID + "-" + spanID + "-1", false, ""},
		{"another separator", "00_" + traceID + "_" + spanID + "_01", false, ""},
	} {
		if got := string(ID([]byte(tc.said))); (got != "") != tc.passes || tc.passes && got != traceID {
			t.Errorf("%s: got id %q; want one: %v", tc.about, got, tc.passes)
		}
		var p Span
		p.Begin(Sampler{}, []byte(tc.said), seeds)
		line, at := p.Append(nil)
		got := strings.TrimSuffix(strings.TrimPrefix(string(line), "traceparent: "), "\r\n")
		if _, ok := parse([]byte(got)); !ok || len(got) != parentLength {
			t.Errorf("%s: wrote %q", tc.about, line)
			continue
		}
		switch {
		case p.HasParent() != tc.passes:
			t.Errorf("%s: taken over: %v; want %v", tc.about, p.HasParent(), tc.passes)
		case !tc.passes && (got[3:35] == traceID || got[53:] != "02"):
			t.Errorf("%s: got %s; want a new trace, random and not sampled", tc.about, got)
		case tc.passes && (got[3:35] != traceID || got[53:] != tc.flags):
			t.Errorf("%s: got %s; want the trace, and flags %s", tc.about, got, tc.flags)
		case p.Sampled() == (got[36:52] == spanID) && tc.passes:
			t.Errorf("%s: got %s; want another parent just where it is sampled", tc.about, got)
		case p.Sampled() != (at > 0):
			t.Errorf("%s: the span ends at %d", tc.about, at)
		}
	}
}

func TestSpansDiffer(t *testing.T) {
	var p Span
	p.Begin(NewSampler(1), nil, seeds)
	head, at := p.Append([]byte("GET / HTTP/1.1\r\n"))
	seen := map[string]bool{}
	own := p.id(0)
	seen[hex.EncodeToString(own[:])] = true
	for place := range uint8(3) {
		p.Put(head, at, place)
		id := string(head[at-spanDigits : at])
		if seen[id] || !isID([]byte(id)) || !strings.HasSuffix(string(head), "-03\r\n") {
			t.Errorf("place %d: %q", place, head)
		}
		seen[id] = true
	}
}

func TestSamplerDecidesAsOthersDo(t *testing.T) {
	for _, share := range []float64{-1, 0, 0.01, 0.5, 1, 2} {
		s, taken := NewSampler(share), 0
		const rounds = 20_000
		for i := range uint64(rounds) {
			if s.wants(i * 0x9e3779b97f4a7c15) {
				taken++
			}
		}
		if want := min(max(share, 0), 1) * rounds; float64(taken) < want*0.9 || float64(taken) > want*1.1 {
			t.Errorf("%v: %d of %d", share, taken, rounds)
		}
	}
}

func TestTracestate(t *testing.T) {
	many := func(n int) string { return strings.Repeat("a=1,", n-1) + "a=1" }
	for _, tc := range []struct {
		lines []string
		valid bool
	}{
		{[]string{"foo=1,bar=2"}, true},
		{[]string{"foo=1", "bar=2"}, true},
		{[]string{"foo=1, \t bar=2 "}, true},
		{[]string{"foo=1,,bar=2,"}, true},
		{[]string{"foo=1,foo=2"}, true}, // kept as they are
		{[]string{"foo@bar=1", "a0_-*/@z=!#~"}, true},
		{[]string{"1a=1"}, true},
		{[]string{strings.Repeat("z", 256) + "=1"}, true},
		{[]string{strings.Repeat("t", 241) + "@" + strings.Repeat("v", 14) + "=1"}, true},
		{[]string{"foo=" + strings.Repeat("v", 256)}, true},
		{[]string{many(32)}, true},
		{[]string{many(33)}, false},
		{[]string{many(30), many(3)}, false},
		{[]string{"foo"}, false},
		{[]string{"foo="}, false},
		{[]string{"=1"}, false},
		{[]string{"foo =1"}, false},
		{[]string{"FOO=1"}, false},
		{[]string{"foo.bar=1"}, false},
		{[]string{"foo@=1,bar=2"}, false},
		{[]string{"@foo=1,bar=2"}, false},
		{[]string{"foo@@bar=1,bar=2"}, false},
		{[]string{"foo@bar@baz=1,bar=2"}, false},
		{[]string{strings.Repeat("z", 257) + "=1"}, false},
		{[]string{strings.Repeat("t", 242) + "@v=1"}, false},
		{[]string{"t@" + strings.Repeat("v", 15) + "=1"}, false},
		{[]string{"foo=" + strings.Repeat("v", 257)}, false},
		{[]string{"foo=bar=baz"}, false},
		{[]string{"foo=1\x7f"}, false},
		{[]string{"foo=ä"}, false},
		{[]string{"foo=1", "bar"}, false},
	} {
		var c StateCheck
		valid := true
		for _, line := range tc.lines {
			valid = c.Line([]byte(line)) && valid
		}
		if valid != tc.valid {
			t.Errorf("%.60q: got %v; want %v", tc.lines, valid, tc.valid)
		}
	}
	var c StateCheck
	if !c.Line([]byte(" , ")) || c.Any() {
		t.Error("a list without a member is none")
	}
}

// FuzzContext compares what is taken with the parser of OpenTelemetry.
func FuzzContext(f *testing.F) {
	f.Add("00-"+traceID+"-"+spanID+"-01", "foo=1,bar=2")
	f.Add("cc-"+traceID+"-"+spanID+"-01-x", "foo@bar=1")
	f.Fuzz(func(t *testing.T, parent, state string) {
		var p Span
		p.Begin(NewSampler(1), []byte(parent), seeds)
		line, _ := p.Append(nil)
		if _, ok := parse(line[len("traceparent: ") : len(line)-2]); !ok || !p.Sampled() && !p.HasParent() {
			t.Fatalf("%q became %q", parent, line)
		}
		var c StateCheck
		if _, err := trace.ParseTraceState(state); err != nil || strings.Contains(state, "@") {
			return // it knows no digits in front, and no empty members either
		}
		if !c.Line([]byte(state)) {
			t.Fatalf("tracestate %q is refused", state)
		}
	})
}
