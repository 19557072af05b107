package socket

import (
	"bytes"
	"crypto/tls"
	"io"
	"reflect"
	"strings"
	"testing"
)

// A version of crypto/tls whose buffers are elsewhere, of another kind, or used otherwise
// is found out before a connection depends on it.
func TestChangedLayoutIsFoundOut(t *testing.T) {
	good := layoutOf(reflect.TypeFor[tls.Conn]())
	for _, tc := range []struct {
		name string
		is   layout
		want string // the error; none for the empty string
	}{
		{"as it is", good, ""},
		{"another name", layoutOf(reflect.TypeFor[struct {
			rawBytes bytes.Buffer
			input    bytes.Reader
			hand     bytes.Buffer
		}]()), "elsewhere"},
		{"another type", layoutOf(reflect.TypeFor[struct {
			_        int
			rawInput []byte
			input    bytes.Reader
			hand     bytes.Buffer
		}]()), "elsewhere"},
		{"a pointer", layoutOf(reflect.TypeFor[struct {
			_        int
			rawInput *bytes.Buffer
			input    bytes.Reader
			hand     bytes.Buffer
		}]()), "elsewhere"},
		{"two change places", layout{rawInput: good.hand, input: good.input, hand: good.rawInput}, "does not read what was put into its buffer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.is.check()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
		})
	}
}

// Without the layout connections work the plain way.
func TestUnknownLayoutIsThePlainWay(t *testing.T) {
	c, client := securePair(t, testLoop(t), tls.VersionTLS13, unwrapped)
	c.secure.drop() // what it has by now
	c.secure.places = layout{}
	for _, size := range []int{1, 1000, 100_000} {
		want := strings.Repeat("x", size)
		errs := make(chan error, 1)
		go func() {
			_, err := io.WriteString(client, want)
			errs <- err
		}()
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Fatalf("%d bytes: got others, %v", size, err)
		}
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := c.Write(got)
			errs <- err
		}()
		back := make([]byte, size)
		if _, err := io.ReadFull(client, back); err != nil || string(back) != want {
			t.Fatalf("%d bytes back: got others, %v", size, err)
		}
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if !quiet(c) {
		t.Error("not quiet behind it")
	}
}

func BenchmarkCheckTLS(b *testing.B) {
	l := layoutOf(reflect.TypeFor[tls.Conn]())
	for b.Loop() {
		if err := l.check(); err != nil {
			b.Fatal(err)
		}
	}
}
