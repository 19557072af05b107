package codec

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestStrongTagIsWeakened(t *testing.T) {
	for _, c := range []struct {
		tag, want string
		changed   bool
	}{
		{`"x"`, `W/"x"`, true},
		{`""`, `W/""`, true},
		{`"a,b"`, `W/"a,b"`, true},
		{`"W/"`, `W/"W/"`, true},
		{"\"\xe9\"", "W/\"\xe9\"", true},
		{`W/"x"`, "", false},
		// No entity tags: nobody may use them.
		{`x`, "", true},
		{`w/"x"`, "", true},
		{`"x`, "", true},
		{`"x"y`, "", true},
		{`"a b"`, "", true},
		{``, "", true},
	} {
		got, changed := AppendWeak([]byte("!"), []byte(c.tag))
		if string(got) != "!"+c.want || changed != c.changed {
			t.Errorf("%s: got %q, %v; want %q, %v", c.tag, got[1:], changed, c.want, c.changed)
		}
	}
}

func TestStrongTagIsAskedAsWell(t *testing.T) {
	for _, c := range []struct {
		value, want string
		changed     bool
	}{
		{`W/"x"`, `W/"x", "x"`, true},
		{`W/"x",W/"y"`, `W/"x", "x", W/"y", "y"`, true},
		{`W/"a,b" , "c"`, `W/"a,b", "a,b", "c"`, true},
		{`W/"x", W/"x"`, `W/"x", "x", W/"x"`, true},
		{`"x"`, "", false},
		{`W/"x", "x"`, "", false},
		{`"x", W/"x"`, "", false},
		{`*`, "", false},
		{``, "", false},
		{`W/"x", y`, "", false},
		{`W/"x", *`, "", false},
		{strings.Repeat(`W/"x",`, tagsMax), `W/"x", "x"` + strings.Repeat(`, W/"x"`, tagsMax-1), true},
		{strings.Repeat(`W/"x",`, tagsMax+1), "", false},
	} {
		got, changed := AppendIfNoneMatch([]byte("!"), []byte(c.value))
		if string(got) != "!"+c.want || changed != c.changed {
			t.Errorf("%s: got %q, %v; want %q, %v", c.value, got[1:], changed, c.want, c.changed)
		}
	}
}

func TestTagsAreComparedWeakly(t *testing.T) {
	for _, c := range []struct {
		list, tag   string
		same, holds bool // NotModified, HoldsWeakened
	}{
		{`W/"x"`, `"x"`, true, true},
		{`"x"`, `"x"`, true, false},
		{`"x"`, `W/"x"`, true, false},
		{`W/"x"`, `W/"x"`, true, false},
		{`W/"y", W/"x"`, `"x"`, true, true},
		{`W/"x", "x"`, `"x"`, true, false},
		{`W/"y"`, `"x"`, false, false},
		{`W/"xx"`, `"x"`, false, false},
		{`*`, `"x"`, false, false},
		{``, `"x"`, false, false},
		{`x`, `x`, false, false},
		{`W/"x"`, ``, false, false},
		{`W/"x"`, `"x"y`, false, false},
	} {
		if got := NotModified([]byte(c.list), []byte(c.tag)); got != c.same {
			t.Errorf("%s has %s: got %v; want %v", c.list, c.tag, got, c.same)
		}
		if got := HoldsWeakened([]byte(c.list), []byte(c.tag)); got != c.holds {
			t.Errorf("%s holds %s weakened: got %v; want %v", c.list, c.tag, got, c.holds)
		}
	}
}

// TestWeakenedTagIsFoundByBackends: the tag a client got from us, asked with again, is
// found by backends that compare weakly, and by those that compare octets.
func TestWeakenedTagIsFoundByBackends(t *testing.T) {
	etag := []byte(`"v1,2"`)
	weakened, _ := AppendWeak(nil, etag)
	asked, changed := AppendIfNoneMatch(nil, weakened)
	if !changed {
		t.Fatalf("%s: got no strong form; want one", weakened)
	}
	if !NotModified(asked, etag) {
		t.Errorf("%s: a backend that compares weakly misses %s", asked, etag)
	}
	if !hasTag(asked, etag) {
		t.Errorf("%s: a backend that compares octets misses %s", asked, etag)
	}
	if !HoldsWeakened(weakened, etag) {
		t.Errorf("a 304 with %s answers %s; want it weakened", etag, weakened)
	}
}

// FuzzEntityTags: what is added changes nothing in which tags are found, is added once,
// and holds no byte that ends a field line.
func FuzzEntityTags(f *testing.F) {
	for _, seed := range [][2]string{
		{`W/"x", "y"`, `"x"`}, {`W/"a,b"`, `"a,b"`}, {`*`, `"x"`}, {`W/"x`, `"x`}, {`""`, `W/""`}, {`W/"x" W/"x"`, `W/"x"`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, list, tag string) {
		value, etag := []byte(list), []byte(tag)
		if weak, changed := AppendWeak(nil, etag); len(weak) > 0 {
			if _, again := AppendWeak(nil, weak); again || !changed {
				t.Errorf("%q: weakened twice", tag)
			}
			if !NotModified(weak, etag) {
				t.Errorf("%q does not match its weak form %q", tag, weak)
			}
		}
		out, changed := AppendIfNoneMatch(nil, value)
		if !changed {
			return
		}
		if bytes.ContainsAny(out, "\r\n\x00") {
			t.Errorf("%q became %q", list, out)
		}
		if NotModified(value, etag) != NotModified(out, etag) {
			t.Errorf("%q and %q differ about %q", list, out, tag)
		}
		if more, again := AppendIfNoneMatch(nil, out); again {
			t.Errorf("%q became %q, then %q", list, out, more)
		}
	})
}

func ExampleAppendIfNoneMatch() {
	value, _ := AppendIfNoneMatch(nil, []byte(`W/"33a64df5"`))
	fmt.Println(string(value))
	// Output: W/"33a64df5", "33a64df5"
}
