package stage

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// All spellings of a host are one key.
func TestKeyOfAHost(t *testing.T) {
	k, err := NewKey([]string{"host"}, 64)
	if err != nil {
		t.Fatal(err)
	}
	var want string
	for _, host := range []string{"a.test", "A.test", "a.test:8080", "a.test.", "a.TEST.:80"} {
		var h wire.RequestHead
		if n, err := h.Parse([]byte("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), &wire.Limits{}); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		var c Call
		c.Begin(&h)
		key, fellBack := k.Append(nil, &c)
		if want == "" {
			want = string(key)
		}
		if string(key) != want || fellBack {
			t.Errorf("%s: got key %q, fell back %v; want %q", host, key, fellBack, want)
		}
	}
}
