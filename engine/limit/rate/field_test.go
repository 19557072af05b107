package rate

import (
	"testing"
	"time"
)

func TestFields(t *testing.T) {
	limits := []Limit{
		{Name: "default", Rate: 100, Per: time.Second, Burst: 200},
		{Name: `a "b" \ ü`, Rate: 1, Per: time.Hour, Burst: 2},
	}
	table := NewTable(Definition{MaxKeys: 10, Limits: limits})
	if got, want := string(table.Policy()), `"default";q=200;w=2, "a \"b\" \\ ?";q=2;w=7200`; got != want {
		t.Errorf("policy: got %s; want %s", got, want)
	}
	one, both := []Ask{{Key: 1}}, []Ask{{Key: 1}, {Key: 1, Limit: 1}}
	for i, c := range []struct {
		asks  []Ask
		state string
	}{
		{one, `"default";r=199;t=1`},
		{both, `"default";r=198;t=1, "a \"b\" \\ ?";r=1;t=3600`},
		{both, `"default";r=197;t=1, "a \"b\" \\ ?";r=0;t=3600`},
		{both, `"default";r=197;t=1, "a \"b\" \\ ?";r=0;t=3600`}, // refused
	} {
		r := table.Take(1, c.asks)
		if got := string(table.AppendState([]byte("x"), c.asks)); got != "x"+c.state {
			t.Errorf("step %d: got %s; want %s", i, got[1:], c.state)
		}
		if after := Seconds(r.RetryAfter); !r.Allowed && after < Seconds(c.asks[r.Decided].window()) {
			t.Errorf("step %d: Retry-After %d is before the end of the window", i, after)
		}
	}
	limit, remaining, reset := table.Legacy(&both[1])
	if limit != 2 || remaining != 0 || reset != 7200 {
		t.Errorf("legacy: got %d, %d, %d; want 2, 0, 7200", limit, remaining, reset)
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want int64
	}{
		{-1, 1},
		{0, 1},
		{1, 1},
		{time.Second, 1},
		{time.Second + 1, 2},
		{2*time.Second - 1, 2},
		{time.Hour, 3600},
		{1<<63 - 1, 9223372037},
	} {
		if got := Seconds(c.d); got != c.want {
			t.Errorf("%v: got %d; want %d", c.d, got, c.want)
		}
	}
}

// FuzzAppendString reads back what it has written.
func FuzzAppendString(f *testing.F) {
	f.Add(`a"\ü` + "\x00\x7f\xff")
	f.Fuzz(func(t *testing.T, s string) {
		text := appendString(nil, s)
		var read []byte
		for i := 1; i < len(text)-1; i++ {
			switch c := text[i]; {
			case c < ' ' || c > '~' || c == '"':
				t.Fatalf("%q: got %s", s, text)
			case c == '\\':
				i++
				if i == len(text)-1 || text[i] != '"' && text[i] != '\\' {
					t.Fatalf("%q: got %s", s, text)
				}
				read = append(read, text[i])
			default:
				read = append(read, c)
			}
		}
		i := 0
		for _, r := range s {
			if r >= ' ' && r <= '~' && read[i] != byte(r) || (r < ' ' || r > '~') && read[i] != '?' {
				t.Fatalf("%q: got %s", s, text)
			}
			i++
		}
		if i != len(read) || text[0] != '"' || text[len(text)-1] != '"' {
			t.Fatalf("%q: got %s", s, text)
		}
	})
}
