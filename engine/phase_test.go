package engine

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The table above the type phase says what transitions says.
func TestTableOfPhasesIsTrue(t *testing.T) {
	text, err := os.ReadFile("phase.go")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^//\t(at[A-Z]\w*) +(.*?)  +(\S.*?)  +(\S.*)$`)
	rows := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		rows[m[1]] = m[2:]
	}
	names := map[string]phase{}
	for p, s := range transitions {
		words := strings.Fields(s.name)
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		names["at"+strings.Join(words, "")] = phase(p)
	}
	sets := map[string]uint32{"an answer of ours": ours, "failed": failed}
	for name, p := range names {
		row, found := rows[name]
		if found == (p == atOver || p == atSwitched) {
			t.Errorf("%s: in the table %v", name, found)
			continue
		}
		if !found {
			continue
		}
		next := uint32(0)
		for word := range strings.SplitSeq(row[2], ", ") {
			if s, isSet := sets[word]; isSet {
				next |= s
			} else if q, known := names[word]; known {
				next |= set(q)
			} else {
				t.Errorf("%s: %q is no phase", name, word)
			}
		}
		if next != transitions[p].next {
			t.Errorf("%s: the table says that %q follows: %b; want %b", name, row[2], next, transitions[p].next)
		}
		for word, bits := range map[string]waits{"client": waitsClient, "backend": waitsBackend, "goroutine": waitsAside | isAside} {
			if said := strings.Contains(row[1], word); said != (transitions[p].waits&bits != 0) {
				t.Errorf("%s: the table says %q; want %s %v", name, row[1], word, !said)
			}
		}
	}
}

// A step that the table does not know is noticed.
func TestPhaseThatMustNotFollowIsABug(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(x *exchange)
	}{
		{"follows", func(x *exchange) { x.at = atHead; x.enter(atTunnel) }},
		{"waits", func(x *exchange) { x.at = atSend; x.checkWait(aside) }},
		{"waits in a goroutine", func(x *exchange) { x.at, x.waits = atAwait, true; x.checkWait(stay) }},
		{"goes on", func(x *exchange) { x.at = atOver; x.do() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				if text, isText := recover().(string); !isText || !strings.HasPrefix(text, "BUG: ") {
					t.Errorf("got %q; want a bug", text)
				}
			}()
			tc.do(newExchange())
		})
	}
}
