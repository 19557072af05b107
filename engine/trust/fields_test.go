package trust

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// What the listener itself writes nobody may send, what others write a trusted peer may.
func TestFieldsAreDropped(t *testing.T) {
	v := Fields{Own: []string{"x-own"}, Others: []string{"x-other", "x-third"}}
	const lines = "X-Own: 1\r\nx_own: 2\r\nX-Other: 3\r\nX_Third: 4\r\nX-Owner: 5\r\n"
	for _, c := range []struct {
		name    string
		fields  Fields
		trusted bool
		want    string // values that pass
	}{
		{"stranger", v, false, "5"},
		{"trusted", v, true, "345"},
		{"nothing is written", Fields{}, false, "12345"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var head wire.RequestHead
			if n, err := head.Parse([]byte("GET / HTTP/1.1\r\nHost: t\r\n"+lines+"\r\n"), &wire.Limits{}); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			c.fields.Drop(&head.Head, c.trusted)
			var got strings.Builder
			for i := range head.Fields {
				if f := &head.Fields[i]; !f.Drop && f.ID != wire.FieldHost {
					got.Write(head.FieldValue(f))
				}
			}
			if got.String() != c.want {
				t.Errorf("got %q; want %q", got.String(), c.want)
			}
		})
	}
}

// FuzzReadsAs compares with the plain way to say it.
func FuzzReadsAs(f *testing.F) {
	for _, name := range []string{"X-Client-Dn", "x_client_DN", "X\rClient-Dn", "x-client-dm", ""} {
		f.Add([]byte(name))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		const want = "x-client-dn"
		folded := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			if r == '_' {
				return '-'
			}
			return r
		}, string(name))
		if got := nameAmong(name, []string{"x", want}); got != (folded == want || folded == "x") {
			t.Errorf("%q: got %v", name, got)
		}
	})
}
