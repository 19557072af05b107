package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestValidHost(t *testing.T) {
	label := strings.Repeat("a", 62) + "."
	for _, host := range []string{
		"a", "example.com", "Example.COM", "example.com.", "example.com.:80", "a-b_c~d", "xn--bcher-kva.example", "10.0.0.1", "10.0.0.1:8080",
		"a:1", "a:65535", "a:", "a.:", "1.2.3.4:", "[::1]:", "[::1]", "[::]:80", "[2001:db8::1]", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]:1", "[1:2:3:4:5:6:1.2.3.4]",
		"[fe80::]", "[1::8]", "[1:2:3:4:5:6:7::]", "999.999.999.999", strings.Repeat(label, 4) + "abc",
	} {
		if err := ValidHost([]byte(host)); err != nil {
			t.Errorf("%q: got %v; want no error", host, err)
		}
	}
	for _, host := range []string{
		"", " ", "a b", "a,b", "a, b", "u@a", "u:p@a", "a/b", "a\\b", "a?b", "a#b", "a\x00", "a\tb", "a\x7f", "\xe4", "a%2e", "a;b", "a'b", "a\"", "<a>", "*",
		":80", ":", "a::", "a:80:", "a:0", "a:080", "a:65536", "a:99999999999999999999", "a:x", "a:8 0", "a:-1", "a:+1", "a:80:80", "a:80,", "::1", "1:2::3",
		".", "..", ".a", "a..b", "a..", "-\x01", strings.Repeat(label, 5),
		"[", "[]", "]", "[::1", "::1]", "[::1]x", "[::1]::", "[::1]:x", "[::1]80", "[::1%25eth0]", "[::1%eth0]", "[:::]", "[::1::]", "[1:2:3:4:5:6:7:8:9]",
		"[1:2:3:4:5:6:7]", "[12345::]", "[g::]", "[v1.a]", "[1.2.3.4]", "[::1.2.3]", "[::1.2.3.4.5]", "[::01.2.3.4]", "[::256.1.1.1]", "[1:2:3:4:5:6:7:1.2.3.4]",
		"[:1]", "[1:]", "[1:2:3:4:5:6:7:8::]", "[::1]]", "[[::1]]", "[::1],a",
	} {
		if err := ValidHost([]byte(host)); !errors.Is(err, ErrBadHost) {
			t.Errorf("%q: got %v; want %v", host, err, ErrBadHost)
		}
	}
}

func TestSplitAuthority(t *testing.T) {
	cases := []struct{ authority, host, port string }{
		{"a", "a", ""},
		{"a:80", "a", "80"},
		{"a:", "a", ""},
		{"[::1]:", "::1", ""},
		{"[::1]", "::1", ""},
		{"[::1]:80", "::1", "80"},
	}
	for _, c := range cases {
		if host, port := SplitAuthority([]byte(c.authority)); string(host) != c.host || string(port) != c.port {
			t.Errorf("%q: got %q, %q; want %q, %q", c.authority, host, port, c.host, c.port)
		}
	}
}

func TestCutPort(t *testing.T) {
	for _, tc := range []struct{ authority, host, name string }{
		{"", "", ""},
		{"a.test", "a.test", "a.test"},
		{"a.test:80", "a.test", "a.test"},
		{"a.test:", "a.test", "a.test"},
		{"a.test.", "a.test.", "a.test"},
		{"a.test.:80", "a.test.", "a.test"},
		{"10.0.0.1:8080", "10.0.0.1", "10.0.0.1"},
		{"[::1]", "[::1]", "[::1]"},
		{"[::1]:443", "[::1]", "[::1]"},
	} {
		if host, name := CutPort([]byte(tc.authority)), HostName([]byte(tc.authority)); string(host) != tc.host || string(name) != tc.name {
			t.Errorf("%q: got %q and %q; want %q and %q", tc.authority, host, name, tc.host, tc.name)
		}
	}
}
