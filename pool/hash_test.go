package pool

import "testing"

func TestParseHashOn(t *testing.T) {
	cases := []struct {
		in   string
		want HashOn
		bad  bool
	}{
		{in: "", want: HashOn{Kind: HashSourceIP}},
		{in: "source_ip", want: HashOn{Kind: HashSourceIP}},
		{in: "path", want: HashOn{Kind: HashPath}},
		{in: "header:X-User", want: HashOn{Kind: HashHeader, Name: "x-user"}},
		{in: "cookie:sid", want: HashOn{Kind: HashCookie, Name: "sid"}},
		{in: "cookie:SID", want: HashOn{Kind: HashCookie, Name: "SID"}},
		{in: "query:q:r", want: HashOn{Kind: HashQuery, Name: "q:r"}},
		{in: "header", bad: true},
		{in: "header:", bad: true},
		{in: "path:x", bad: true},
		{in: "source_ip:", bad: true},
		{in: "body", bad: true},
	}
	for _, c := range cases {
		t.Run(c.in, func(t *testing.T) {
			got, err := ParseHashOn(c.in)
			if (err != nil) != c.bad {
				t.Fatalf("error %v; want one: %v", err, c.bad)
			}
			if got != c.want {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
			if back, err := ParseHashOn(got.String()); !c.bad && (err != nil || back != got) {
				t.Errorf("String does not parse back: %q", got.String())
			}
		})
	}
}

// The sum must be the same in every process: it is part of what a fleet agrees on.
func TestSumIsXXHash64(t *testing.T) {
	if got, want := Sum([]byte("")), uint64(0xef46db3751d8e999); got != want {
		t.Errorf("got %#x; want %#x", got, want)
	}
	if got, want := Sum([]byte("a")), uint64(0xd24ec4f1a98c6e5b); got != want {
		t.Errorf("got %#x; want %#x", got, want)
	}
}

func FuzzParseHashOn(f *testing.F) {
	f.Add("header:X")
	f.Add("path:")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHashOn(s)
		if err != nil {
			return
		}
		if back, err := ParseHashOn(h.String()); err != nil || back != h {
			t.Errorf("%q: %+v does not parse back", s, h)
		}
		if (h.Name != "") != (h.Kind >= HashHeader) {
			t.Errorf("%q: kind %d with name %q", s, h.Kind, h.Name)
		}
	})
}
