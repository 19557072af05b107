package end

import (
	"regexp"
	"testing"
)

// Whoever asks what to do is told, of every end, in whole sentences.
func TestEveryEndHasAdvice(t *testing.T) {
	sentence := regexp.MustCompile(`^[A-Za-z][[:print:]]*\.$`)
	seen := map[string]End{}
	for e := range Ends {
		switch text := e.Advice(); {
		case e == OK:
			if text != "" {
				t.Errorf("the good end has %q; want nothing", text)
			}
		case !sentence.MatchString(text):
			t.Errorf("%v: %q is no sentence", e, text)
		case len(text) > 200:
			t.Errorf("%v: %d characters; want at most 200", e, len(text))
		default:
			if other, twice := seen[text]; twice {
				t.Errorf("%v has the advice of %v", e, other)
			}
			seen[text] = e
		}
	}
}
