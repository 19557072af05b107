package stage

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// answerFields are the fields of an answer with these lines; added come from stages.
func answerFields(t testing.TB, lines string, added ...string) *Fields {
	t.Helper()
	h := &wire.ResponseHead{}
	if n, err := h.Parse([]byte("HTTP/1.1 200 OK\r\n"+lines+"\r\n"), &wire.Limits{}, false); n == 0 || err != nil {
		t.Fatalf("%q: %d, %v", lines, n, err)
	}
	f := &Fields{}
	f.Begin(&h.Head)
	for _, line := range added {
		name, value, _ := strings.Cut(line, ": ")
		n := NewName(name)
		f.Add(&n, []byte(value))
	}
	return f
}

// valuesOf are the values of a name, a bar between them.
func valuesOf(f *Fields, name string) string {
	n := NewName(name)
	var all []string
	f.Each(&n, func(value []byte) bool {
		all = append(all, string(value))
		return true
	})
	return strings.Join(all, "|")
}

func TestMerge(t *testing.T) {
	for _, tc := range []struct {
		name, lines string
		added       []string
		want        string
	}{
		{"none", "", nil, "Origin"},
		{"one", "vary: Accept\r\n", nil, "Accept, Origin"},
		{"it is there", "Vary: Accept, oRIGIN\r\n", nil, "Accept, oRIGIN"},
		{"it is in another line", "Vary: Origin\r\nVary: Accept\r\n", nil, "Origin|Accept"},
		{"asterisk", "Vary: Accept , *\r\n", nil, "Accept , *"},
		{"empty", "Vary:\r\n", nil, "Origin"},
		{"several", "Vary: A\r\nX-Vary: B\r\nVary: C\r\n", []string{"Vary: D", "Vary-X: E"}, "A, C, D, Origin"},
		{"of stages alone", "", []string{"Vary: D"}, "D, Origin"},
		{"of stages, it is there", "Vary: A\r\n", []string{"Vary: Origin"}, "A|Origin"},
		{"a longer one", "Vary: Origin-Trial\r\n", nil, "Origin-Trial, Origin"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := answerFields(t, tc.lines, tc.added...)
			vary := NewName("Vary")
			f.Merge(&vary, []byte("Origin"))
			if got := valuesOf(f, "Vary"); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			f.Merge(&vary, []byte("Origin"))
			if got := valuesOf(f, "Vary"); got != tc.want {
				t.Errorf("again: got %q; want %q", got, tc.want)
			}
			if got := valuesOf(f, "X-Vary") + valuesOf(f, "Vary-X"); tc.name == "several" && got != "BE" {
				t.Errorf("the others are %q", got)
			}
		})
	}
}

// FuzzMerge: nothing that was named before is lost, and nothing is named twice by it.
func FuzzMerge(f *testing.F) {
	f.Add("Accept", "Origin, *", "x")
	f.Add("", " ,, a", "\torigin")
	vary := NewName("Vary")
	f.Fuzz(func(t *testing.T, one, two, three string) {
		if strings.ContainsAny(one+two+three, "\r\n\x00") {
			return
		}
		h := &wire.ResponseHead{}
		if n, err := h.Parse([]byte("HTTP/1.1 200 OK\r\nVary: "+one+"\r\nVary: "+two+"\r\n\r\n"), &wire.Limits{}, false); n == 0 || err != nil {
			return
		}
		var fields Fields
		fields.Begin(&h.Head)
		fields.Add(&vary, []byte(three))
		before := elements(&fields, &vary)
		fields.Merge(&vary, []byte("Origin"))
		after := elements(&fields, &vary)
		if before["origin"] == 0 && before["*"] == 0 {
			before["origin"]++
		}
		for element, n := range before {
			if element != "" && after[element] != n {
				t.Fatalf("%q is there %d times; want %d", element, after[element], n)
			}
		}
	})
}

func elements(f *Fields, n *Name) map[string]int {
	all := map[string]int{}
	f.Each(n, func(value []byte) bool {
		for rest := value; ; {
			element, behind, more := wire.NextElement(rest)
			if !more {
				return true
			}
			all[strings.ToLower(string(element))]++
			rest = behind
		}
	})
	return all
}

// TestRemoveAll: of what a backend has sent, and of what stages have added.
func TestRemoveAll(t *testing.T) {
	names := NewNames("X-A", "Access-Control-Allow-Origin")
	f := answerFields(t, "x-a: 1\r\nX-AB: 2\r\nAccess-Control-Allow-Origin: *\r\nX-A: 3\r\n", "X-a: 4", "X-B: 5", "access-control-allow-origin: 6")
	f.RemoveAll(&names)
	got := ""
	f.Lines(func(name, value []byte) bool {
		got += string(name) + "=" + string(value) + " "
		return true
	})
	if got != "X-AB=2 X-B=5 " {
		t.Errorf("got %q; want X-AB and X-B alone", got)
	}
}

func TestNamesOfManyAreNotOfFraming(t *testing.T) {
	f := answerFields(t, "Content-Length: 1\r\nContent-Type: a/b\r\nContent-Language: x\r\n")
	many, one := NewName("Content-*"), NewName("Content-Length")
	f.Remove(&many)
	if got := valuesOf(f, "Content-Length") + valuesOf(f, "Content-Type") + valuesOf(f, "Content-Language"); got != "1" {
		t.Errorf("got %q; want the length alone", got)
	}
	f.Remove(&one)
	if valuesOf(f, "Content-Length") != "" {
		t.Error("its own name does not remove it")
	}
}

// TestAuthoritiesThatAreNoneChangeNothing: what a stage before has set stands.
func TestAuthoritiesThatAreNoneChangeNothing(t *testing.T) {
	c := &Call{}
	for _, host := range []string{"a.example:80", "b/c", "d\r\nX: y", ""} {
		text, err := NewText(host)
		if err != nil {
			t.Fatal(err)
		}
		c.SetHost(&text)
	}
	if string(c.Host) != "a.example:80" {
		t.Errorf("got %q; want a.example:80", c.Host)
	}
}
