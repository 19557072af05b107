package record

import (
	"hash/maphash"
	"net/netip"

	"github.com/isame-lb/isame-lb/pool/end"
)

// Record is one exchange, or tunnel, that has ended: four cache lines without a pointer,
// so that the collector does not look at them. Names are numbers of a Names, times are
// short ones; what a View says of a field says what it means.
type Record struct {
	// Started is Nanos of the process' clock while the exchange is described, and
	// nanoseconds since 1970 in a ring: Put changes it.
	Started int64
	Took    int64  // nanoseconds
	idSum   uint64 // of the whole request id
	In, Out Size
	id      [idRoom]byte
	client  [16]byte

	Generation            uint32
	Listener, Route, Pool uint32

	Status      uint16
	Read, Admit Short

	End     end.End
	Reached end.Phase // as the exchange has it: see end.End.In
	Tried   uint8     // attempts begun, rivals too
	Rivals  uint8     // of these
	idLen   uint8
	pathLen uint8
	hostLen uint8
	method  uint8 // of methods; from methodText on the length of its text
	spoken  uint8 // the version of HTTP, what stood against a retry, and above them what Waited says of the answer
	Flags   Flags // and above them what Waited says of the request's content

	Tries [triesKept]Try
	text  [textRoom]byte // method, where it is none of the list, then host, then path
}

// Rooms of a record's texts. What is longer is cut, and a flag or the length says so.
const (
	idRoom     = 16
	hostRoom   = 32
	pathRoom   = 64
	textRoom   = hostRoom + pathRoom
	methodRoom = 16
	methodText = 1 << 7
)

// triesKept is how many attempts a record has: the first ones and, in the last place, the
// last one.
const triesKept = 4

// Flags of a record.
type Flags uint8

// The flags.
const (
	Secure   Flags = 1 << iota // the client has spoken TLS
	Tunnel                     // it was switched to another protocol, and that has ended
	pathCut                    // the path was longer
	hostCut                    // the host was
	noClient                   // it has no address: a unix socket
)

// flagBits is how many there are.
const flagBits = 5

// Try is one attempt.
type Try struct {
	Backend uint32 // number of its address
	what    uint16 // the status of its answer, 0 without one, and flags above
	End     end.End
	Age     Age // of a connection that was used before
	Began   Short
	Connect Short
	Answer  Short // from its begin to the head of its answer or, without one, to its end
	Idle    Short // how long a connection that was used before had waited
}

// Flags of an attempt stand above its status.
const (
	statusBits = 10
	statusMask = 1<<statusBits - 1
)

const (
	tryReused uint16 = 1 << (statusBits + iota)
	tryRival
	tryWon
)

// breakerShift is above these: the rest is a Breaker.
const breakerShift = statusBits + 3

// Version is a version of HTTP.
type Version uint8

// The versions.
const (
	HTTP10 Version = iota
	HTTP11
	HTTP2
	HTTP3
)

// String is its name.
func (v Version) String() string {
	return [...]string{"HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"}[v&versionMask]
}

const (
	versionBits = 2
	versionMask = 1<<versionBits - 1
	refusalBits = 2
	refusalMask = 1<<refusalBits - 1
	spokenBits  = versionBits + refusalBits
)

// refusals are what may stand against a retry: the words of package retry, by its numbers.
var refusals = [...]string{"", "body", "budget", "deadline"}

// Refusal is the word for what stood against a retry; empty for none.
func Refusal(number uint8) string { return refusals[min(int(number), len(refusals)-1)] }

// Speaks notes in which version the client has spoken, and what stood against a retry.
func (r *Record) Speaks(v Version, refused uint8) {
	r.spoken = uint8(v) | refused&refusalMask<<versionBits
}

// methods have a number; those of others are text.
var methods = [...]string{"", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "CONNECT"}

// methodNumber is the number of a method, methodText for one that has none.
func methodNumber(method []byte) uint8 {
	switch string(method) {
	case "GET":
		return 1
	case "":
		return 0
	case "HEAD":
		return 2
	case "POST":
		return 3
	case "PUT":
		return 4
	case "DELETE":
		return 5
	case "OPTIONS":
		return 6
	case "PATCH":
		return 7
	case "TRACE":
		return 8
	case "QUERY":
		return 9
	case "CONNECT":
		return 10
	}
	return methodText
}

// SetRequest notes what was asked for. path is without its query, which is not kept.
func (r *Record) SetRequest(method, host, path []byte) {
	n := 0
	if r.method = methodNumber(method); r.method == methodText {
		n = copy(r.text[:methodRoom], method)
		r.method |= uint8(n)
	}
	if len(host) > hostRoom {
		host = host[:hostRoom]
		r.Flags |= hostCut
	}
	h := copy(r.text[n:], host)
	r.hostLen = uint8(h)
	room := r.text[n+h : min(n+h+pathRoom, textRoom)]
	if len(path) > len(room) {
		r.Flags |= pathCut
	}
	r.pathLen = uint8(copy(room, path))
}

// texts are method, host and path as they are kept.
func (r *Record) texts() (method, host, path []byte) {
	n := 0
	if r.method >= methodText {
		n = min(int(r.method-methodText), methodRoom)
		method = r.text[:n]
	} else {
		method = []byte(methods[min(int(r.method), len(methods)-1)])
	}
	h := min(n+int(r.hostLen), textRoom)
	return method, r.text[n:h], r.text[h:min(h+int(r.pathLen), textRoom)]
}

// SetBackend says which backend the last attempt has asked, for a record that was made long
// before it is kept: names that nobody asks for are forgotten after a while.
func (r *Record) SetBackend(number uint32) {
	if r.Tried > 0 {
		r.Tries[min(r.Tried, triesKept)-1].Backend = number
	}
}

// seed is that of all sums of request ids.
var seed = maphash.MakeSeed()

// SetID notes the request id; none is an empty one.
func (r *Record) SetID(id []byte) {
	if len(id) == 0 {
		return
	}
	r.idSum, r.idLen = maphash.Bytes(seed, id), uint8(min(len(id), 255))
	copy(r.id[:], id)
}

// hasID reports that the request id was id, whose sum is sum, or one that is longer and of
// which id is what is kept.
func (r *Record) hasID(id string, sum uint64) bool {
	if string(r.idKept()) != id[:min(len(id), idRoom)] {
		return false
	}
	return r.idSum == sum && int(r.idLen) == min(len(id), 255) || len(id) == idRoom && int(r.idLen) > idRoom
}

// idKept is the part of the request id that is kept.
func (r *Record) idKept() []byte { return r.id[:min(int(r.idLen), idRoom)] }

// SetClient notes the address of the client; an invalid one is none.
func (r *Record) SetClient(ip netip.Addr) {
	if !ip.IsValid() {
		r.Flags |= noClient
		return
	}
	r.client = ip.As16()
}

// clientAddr is that address.
func (r *Record) clientAddr() netip.Addr {
	if r.Flags&noClient != 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom16(r.client).Unmap()
}

// statusFault is the least status that counts as an error by itself.
const statusFault = 500

// isError reports an exchange that has ended badly, or whose answer says so.
func (r *Record) isError() bool { return r.End != end.OK || r.Status >= statusFault }

// isRefusal reports an error that the client has met by its own doing, or by a rule of the
// proxy: there may be floods of these, which must not push the others out.
func (r *Record) isRefusal() bool {
	side := r.End.Side()
	return r.Status < statusFault && (side == end.SideClient || side == end.SideProxy)
}

// ended is when the exchange has ended, for a record in a ring.
func (r *Record) ended() int64 { return r.Started + r.Took }
