package prefix

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// NetworksMax bounds the networks of a filter. So many take up to 133 MB and a second to
// compile, 100,000 of them 15 MB and 50 ms.
const NetworksMax = 1_000_000

// Filter decides by an address. It never changes, and any goroutine may use it.
type Filter struct {
	table     bart.Fast[bool] // whether the network may pass
	networks  int
	otherwise bool // whether addresses of no network may pass
}

// New compiles lists of networks and addresses, and files with one of them a line,
// which are denied like deny. The longest network that holds an address decides, and
// deny where both lists have the same one. An address of no network passes unless
// allow has any. An error of a list names the entry, one of a file its line.
func New(allow, deny []string, files []live.File) (*Filter, error) {
	f := &Filter{otherwise: len(allow) == 0}
	for _, list := range []struct {
		name    string
		entries []string
		pass    bool
	}{{"allow", allow, true}, {"deny", deny, false}} {
		for i, text := range list.entries {
			if err := f.add(text, list.pass); err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", list.name, i, err)
			}
		}
	}
	for i := range files {
		for line := range files[i].Lines() {
			text := withoutComment(line.Text)
			if len(text) == 0 {
				continue
			}
			if err := f.add(string(text), false); err != nil {
				return nil, files[i].At(line, err)
			}
		}
	}
	return f, nil
}

func (f *Filter) add(text string, pass bool) error {
	network, err := Parse(text)
	if err != nil {
		return err
	}
	f.networks++
	if f.networks > NetworksMax {
		return fmt.Errorf("there are more than %d networks", NetworksMax)
	}
	f.table.Modify(network, func(before, known bool) (bool, bool) { return pass && (before || !known), false })
	return nil
}

// Passes reports whether a client may pass. An IPv4 address in the form of IPv6 is an
// IPv4 address. A client without an address, at a unix socket, is in no network. It
// allocates nothing.
func (f *Filter) Passes(client netip.Addr) bool {
	pass, known := f.table.Lookup(client.Unmap())
	if !known {
		return f.otherwise
	}
	return pass
}

// Networks is how many networks were compiled, those that were given twice counted twice.
func (f *Filter) Networks() int { return f.networks }
