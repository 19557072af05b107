package lookup

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHostsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	text := "127.0.0.1\tlocalhost  me # api\n::1 localhost ip6-localhost\n# 10.9.9.9 api\n" +
		"10.0.0.2 api API.test api\r\n10.0.0.1 other Api\n10.0.0.2 api\nfd00::1%eth0 api\nnonsense api\n0.0.0.0 blocked\n10.0.0.3\n" +
		"::ffff:10.0.0.4 mapped\n10.0.0.5 dotted.\n" + strings.Repeat("x", 100_000) + " api\n10.0.0.6 last"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, kind, server string
		want               string // addresses; empty: the DNS is asked
	}{
		{"localhost", "A", "", "127.0.0.1:80"},
		{"LOCALHOST.", "AAAA", "", "[::1]:80"},
		{"a.localhost", "A", "", "127.0.0.1:80"},
		{"a.localhost.", "AAAA", "", "[::1]:80"},
		{"notlocalhost", "A", "", ""},
		{".localhost", "A", "", ""},
		{"me", "A", "", "127.0.0.1:80"},
		{"me", "AAAA", "", ""},
		{"api", "A", "", "10.0.0.1:80 10.0.0.2:80"},
		{"api.", "AAAA", "", "[fd00::1]:80"},
		{"api.test", "A", "", "10.0.0.2:80"},
		{"mapped", "A", "", "10.0.0.4:80"},
		{"dotted", "A", "", "10.0.0.5:80"},
		{"blocked", "A", "", ""},
		{"last", "A", "", "10.0.0.6:80"},
		{"ap", "A", "", ""},
		{"api", "SRV", "", ""},
		{"api", "A", "192.0.2.1:53", ""},
		{"localhost", "A", "192.0.2.1:53", ""},
	} {
		a, found := findHost(path, Question{Name: tc.name, Type: tc.kind, Port: 80, Server: tc.server})
		var got []string
		for _, f := range a.Found {
			got = append(got, f.Address)
		}
		if strings.Join(got, " ") != tc.want || found != (tc.want != "") || found && a.TTL != hostsTTL {
			t.Errorf("%s %s at %q: got %v, TTL %v; want %q", tc.kind, tc.name, tc.server, got, a.TTL, tc.want)
		}
	}
}

func TestNoHostsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, found := findHost(path, Question{Name: "api", Type: "A"}); found {
		t.Error("found a name in a file that is not there")
	}
	if a, found := findHost(path, Question{Name: "localhost", Type: "A", Port: 1}); !found || a.Found[0].Address != "127.0.0.1:1" {
		t.Errorf("localhost is %v", a.Found)
	}
}

// The whole way: this machine's name for itself needs no name server.
func TestLocalhostNeedsNoServer(t *testing.T) {
	a, err := Find(t.Context(), Question{Name: "localhost", Type: "A", Port: 7})
	if err != nil || len(a.Found) == 0 || !netip.MustParseAddrPort(a.Found[0].Address).Addr().IsLoopback() {
		t.Errorf("got %v, %v; want the loopback address", a.Found, err)
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 a b\n", "b")
	f.Add("# x\n::1\t a", "A")
	f.Fuzz(func(t *testing.T, text, name string) {
		eachHost(strings.NewReader(text), name, func(ip netip.Addr) {
			if !ip.IsValid() {
				t.Error("no address")
			}
		})
	})
}
