package match

import (
	"net/url"
	"strings"
	"testing"
)

func hasParam(raw string, v value) bool { return v.holdsParam(&Request{RawQuery: []byte(raw)}) }

func TestHasParam(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		raw, name, value string
		want             bool
	}{
		{"debug=1", "debug", "1", true},
		{"debug=1", "Debug", "1", false},
		{"debug=10", "debug", "1", false},
		{"debug=", "debug", "", true},
		{"debug", "debug", "", true},
		{"debug", "debug", "1", false},
		{"", "debug", "", false},
		{"&&", "", "", false},
		{"=", "", "", true},
		{"a=1&debug=1", "debug", "1", true},
		{"debug=0&debug=1", "debug", "1", true},
		{"debug=0;debug=1", "debug", "1", false},
		{"d%65bug=%31", "debug", "1", true},
		{"q=a+b", "q", "a b", true},
		{"q=a%20b", "q", "a b", true},
		{"q=a%2Bb", "q", "a+b", true},
		{"q=a%2bb", "q", "a+b", true},
		{"q=a=b", "q", "a=b", true},
		{"q=a%26b", "q", "a&b", true},
		{"q=%", "q", "%", true},
		{"q=%4", "q", "%4", true},
		{"q=%zz", "q", "%zz", true},
		{"q=%00", "q", "\x00", true},
		{"q=caf%C3%A9", "q", "café", true},
		{"q=%2541", "q", "%41", true},
		{"q=ab", "q", "abc", false},
		{"xdebug=1", "debug", "1", false},
	} {
		if got := hasParam(test.raw, value{name: test.name, is: test.value}); got != test.want {
			t.Errorf("%q has %q=%q: got %v; want %v", test.raw, test.name, test.value, got, test.want)
		}
	}

	for raw, wanted := range map[string]bool{"a=1&debug": true, "debug=x": true, "a=debug": false, "": false} {
		if got := hasParam(raw, value{name: "debug", any: true}); got != wanted {
			t.Errorf("%q has debug: got %v; want %v", raw, got, wanted)
		}
	}
}

// Where net/url can read a query, both must agree on what it holds.
func FuzzHasParam(f *testing.F) {
	f.Add("a=1&b=2", "b", "2")
	f.Add("a+b=%20&%61", "a", "")
	f.Add("%=1", "%", "1")
	f.Fuzz(func(t *testing.T, raw, name, is string) {
		got := hasParam(raw, value{name: name, is: is})
		any1 := hasParam(raw, value{name: name, any: true})

		if got && !any1 {
			t.Fatalf("%q has %q=%q, but not %q", raw, name, is, name)
		}

		parsed, err := url.ParseQuery(raw)
		if err != nil || strings.Contains(raw, ";") {
			return
		}

		wanted := false
		for _, v := range parsed[name] {
			wanted = wanted || v == is
		}

		if got != wanted || any1 != parsed.Has(name) {
			t.Errorf("%q has %q=%q: got %v and %v; want %v and %v", raw, name, is, got, any1, wanted, parsed.Has(name))
		}
	})
}
