package codec

import "testing"

func TestVaryIsMergedOnce(t *testing.T) {
	for _, c := range []struct {
		name, fields, want string
		changed            bool
	}{
		{"absent", "", "Accept-Encoding", true},
		{"empty", "Vary: \r\n", "Accept-Encoding", true},
		{"other", "Vary: Origin\r\n", "Origin, Accept-Encoding", true},
		{"others in lines", "Vary: Origin,,Cookie\r\nX: y\r\nvary:  Accept \r\n", "Origin, Cookie, Accept, Accept-Encoding", true},
		{"there", "Vary: Accept-Encoding\r\n", "", false},
		{"there in other case", "Vary: Origin, accept-encoding\r\n", "", false},
		{"there in the second line", "Vary: Origin\r\nVary: Accept-Encoding\r\n", "", false},
		{"asterisk", "Vary: *\r\n", "", false},
		{"asterisk among others", "Vary: Origin\r\nVary: Accept, *\r\n", "", false},
		{"part of a name", "Vary: X-Accept-Encoding\r\n", "X-Accept-Encoding, Accept-Encoding", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changed := AppendVary([]byte("!"), &response(t, 200, c.fields).Head)
			if string(got) != "!"+c.want || changed != c.changed {
				t.Errorf("got %q, %v; want %q, %v", got[1:], changed, c.want, c.changed)
			}
		})
	}
}

func TestStaleFields(t *testing.T) {
	for _, c := range []struct {
		line string
		want bool
	}{
		{"Content-Length: 5", true},
		{"Content-Encoding: identity", true},
		{"Accept-Ranges: bytes", true},
		{"content-md5: x", true},
		{"Digest: sha-256=x", true},
		{"Content-Digest: sha-256=:x:", true},
		{"Repr-Digest: sha-256=:x:", true},
		{"ETag: \"x\"", false},
		{"Content-Type: text/html", false},
		{"Want-Repr-Digest: sha-256=1", false},
		{"Last-Modified: x", false},
		{"X-Digest: y", false},
	} {
		h := response(t, 200, c.line+"\r\n")
		if got := Stale(&h.Head, &h.Fields[0]); got != c.want {
			t.Errorf("%s: got %v; want %v", c.line, got, c.want)
		}
	}
}
