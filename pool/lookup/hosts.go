package lookup

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	// hostsFile names hosts beside the DNS. It is read again for every lookup.
	hostsFile = "/etc/hosts"
	// hostsBytesMax bounds what is read of it.
	hostsBytesMax = 4 << 20
	// hostsTTL is how long its answers are good for.
	hostsTTL = 5 * time.Second
)

// findHost answers for A and AAAA from the hosts file, as the system's resolver does
// before it asks the DNS: container runtimes put names there and nowhere else. A
// name of localhost that is not in it is the loopback address (RFC 6761 section
// 6.3). false: the DNS has to be asked.
func findHost(path string, q Question) (Answer, bool) {
	if q.Server != "" || q.Type == "SRV" {
		return Answer{}, false
	}
	name := strings.TrimSuffix(q.Name, ".")
	var list []Found
	add := func(ip netip.Addr) {
		ip = ip.WithZone("").Unmap()
		if ip.Is4() == (q.Type == "A") && !ip.IsUnspecified() && !ip.IsMulticast() {
			list = append(list, Found{Address: join(ip, q.Port), Weight: 1})
		}
	}
	if f, err := os.Open(path); err == nil { // without one there are only the others
		eachHost(io.LimitReader(f, hostsBytesMax), name, add)
		_ = f.Close()
	}
	if len(list) == 0 && isLocalhost(name) {
		add(netip.IPv6Loopback())
		add(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	a, err := finish(list, hostsTTL)
	return a, err == nil
}

// eachHost calls add for each address of a name in the text of a hosts file: an
// address and its names in each line, comments from # on. What is no address is
// passed over.
func eachHost(r io.Reader, name string, add func(netip.Addr)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, hostsBytesMax)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		for _, one := range fields[1:] {
			if !strings.EqualFold(strings.TrimSuffix(one, "."), name) {
				continue
			}
			if ip, err := netip.ParseAddr(fields[0]); err == nil {
				add(ip)
			}
			break
		}
	}
}

func isLocalhost(name string) bool {
	const suffix = ".localhost"
	return strings.EqualFold(name, suffix[1:]) ||
		len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix)
}
