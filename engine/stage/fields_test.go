package stage

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestFieldsOfAnotherAnswer(t *testing.T) {
	x, y, z := NewName("X-X"), NewName("X-Y"), NewName("X-Z")
	parse := func(lines string) *wire.ResponseHead {
		h := &wire.ResponseHead{}
		if n, err := h.Parse([]byte("HTTP/1.1 200 OK\r\n"+lines+"\r\n"), &wire.Limits{}, false); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		return h
	}
	for _, tc := range []struct {
		name string
		meet func(f *Fields) // what is done to the first answer
		want string
	}{
		{"nothing", func(*Fields) {}, "X-X: early\r\nX-Y: early\r\n"},
		{"added", func(f *Fields) { f.Add(&z, []byte("late")) }, "X-X: early\r\nX-Y: early\r\n"},
		{"removed", func(f *Fields) { f.Add(&z, []byte("late")); f.Remove(&x) }, "X-Y: early\r\n"},
		{"set", func(f *Fields) { f.Set(&y, []byte("late")); f.Set(&x, []byte("late")) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var f Fields
			f.Begin(nil)
			f.Add(&x, []byte("early"))
			f.Set(&y, []byte("early"))
			f.Meet(&parse("X-X: first\r\n").Head)
			tc.meet(&f)
			f.Forget()
			second := parse("X-Y: second\r\nX-Other: second\r\n")
			f.Meet(&second.Head)
			if got := string(f.Added()); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

// Whatever was added before, and in whatever spelling, is found, replaced and removed.
func TestFieldsFindWhatWasAdded(t *testing.T) {
	name, twin, star := NewName("X-Token"), NewName("x-tokeN"), NewName("X-*")
	for _, tc := range []struct {
		name string
		do   func(f *Fields)
		want string
	}{
		{"set twice", func(f *Fields) { f.Set(&name, []byte("1")); f.Set(&twin, []byte("2")) }, "x-tokeN: 2\r\n"},
		{"added, and set", func(f *Fields) { f.Add(&name, []byte("1")); f.Add(&twin, []byte("2")); f.Set(&name, []byte("3")) }, "X-Token: 3\r\n"},
		{"joined, and set", func(f *Fields) { f.Join([]byte("X-TOKEN: 1\r\n")); f.Set(&name, []byte("2")) }, "X-Token: 2\r\n"},
		{"replaced, and removed", func(f *Fields) { f.Replace([]byte("X-TOKEN: 1\r\nA: b\r\n")); f.Remove(&name) }, "A: b\r\n"},
		{"removed by a star", func(f *Fields) { f.Add(&name, []byte("1")); f.Remove(&star) }, ""},
		{"removed, and set", func(f *Fields) { f.Add(&name, []byte("1")); f.Remove(&twin); f.Set(&name, []byte("2")) }, "X-Token: 2\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var f Fields
			f.Begin(nil)
			tc.do(&f)
			if got := string(f.Added()); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			if got := f.Get(&twin) != nil; got != (tc.want != "" && tc.want != "A: b\r\n") {
				t.Errorf("it is found: %v", got)
			}
		})
	}
}
