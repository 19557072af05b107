package observe

import "github.com/isame-lb/isame-lb/pool/stat"

// methodNames are the known methods; the last one stands for all others.
var methodNames = [...]string{ //nolint:gochecknoglobals // read-only table
	"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "CONNECT", Other,
}

// methodOf is the number of a method.
func methodOf(method []byte) int {
	switch string(method) {
	case "GET":
		return 0
	case "HEAD":
		return 1
	case "POST":
		return 2
	case "PUT":
		return 3
	case "DELETE":
		return 4
	case "OPTIONS":
		return 5
	case "PATCH":
		return 6
	case "TRACE":
		return 7
	case "QUERY":
		return 8
	case "CONNECT":
		return 9
	}
	return len(methodNames) - 1
}

// protocolNames are the versions of HTTP, in the order of package record.
var protocolNames = [...]string{"HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"} //nolint:gochecknoglobals // read-only table

// MethodStats counts exchanges by version and method.
type MethodStats [len(protocolNames)][len(methodNames)]*stat.Counter

func newMethodStats(shards int) *MethodStats {
	s := &MethodStats{}
	for v := range s {
		for m := range s[v] {
			s[v][m] = stat.NewCounter(shards)
		}
	}
	return s
}

// Add counts an exchange: protocol is its place among HTTP/1.0, HTTP/1.1, HTTP/2 and HTTP/3.
func (s *MethodStats) Add(shard int, protocol uint8, method []byte) {
	s[protocol&3][methodOf(method)].Add(shard, 1)
}
