package codec

import "testing"

func TestVaryIsMergedOnce(t *testing.T) {
	for _, c := range []struct {
		values []string
		names  bool
		merged string
	}{
		{nil, false, "Accept-Encoding"},
		{[]string{""}, false, "Accept-Encoding"},
		{[]string{"Origin"}, false, "Origin, Accept-Encoding"},
		{[]string{"Origin,,Cookie", " Accept "}, false, "Origin, Cookie, Accept, Accept-Encoding"},
		{[]string{"X-Accept-Encoding"}, false, "X-Accept-Encoding, Accept-Encoding"},
		{[]string{"Accept-Encoding"}, true, ""},
		{[]string{"Origin, accept-encoding"}, true, ""},
		{[]string{"Origin", "Accept-Encoding"}, true, ""},
		{[]string{"*"}, true, ""},
		{[]string{"Origin", "Accept, *"}, true, ""},
	} {
		names, merged := false, []byte(nil)
		for _, v := range c.values {
			names = names || VaryNames([]byte(v))
			merged = AppendList(merged, v)
		}
		merged = AppendList(merged, VaryName)
		if names != c.names || !names && string(merged) != c.merged {
			t.Errorf("%q: got %v and %q; want %v and %q", c.values, names, merged, c.names, c.merged)
		}
	}
}
