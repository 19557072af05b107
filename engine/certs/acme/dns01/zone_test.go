package dns01

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leak.Main(m) }

// The key of updates, in base64.
const (
	keyName   = "isame."
	keySecret = "c2VjcmV0IG9mIGEgdGVzdA=="
)

// server is a name server with some zones, that takes signed updates.
type server struct {
	t       *testing.T
	address string

	mu      sync.Mutex
	zones   []string
	records map[string][]dns.RR // by name
	asked   []string            // name and kind
	code    int                 // of every answer, if it is not 0
	updates int
	hides   int // how many questions for TXT records get none yet
}

// startServer runs one by UDP and TCP on one port. The zones are their own name
// servers, at ns.ZONE.
func startServer(t *testing.T, zones ...string) *server {
	t.Helper()
	s := &server{t: t, zones: zones, records: map[string][]dns.RR{}}
	for _, zone := range zones {
		s.put(zone + " 60 IN NS ns." + zone)
		s.put("ns." + zone + " 60 IN A 127.0.0.1")
	}
	packets, listener := listenBoth(t)
	s.address = listener.Addr().String()
	for _, one := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		one.Handler, one.TsigSecret = dns.HandlerFunc(s.serve), map[string]string{keyName: keySecret}
		one.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept } // updates, too
		up, down := make(chan struct{}), make(chan struct{})
		one.NotifyStartedFunc = func() { close(up) }
		go func() {
			defer close(down)
			_ = one.ActivateAndServe()
		}()
		<-up
		t.Cleanup(func() {
			_ = one.Shutdown()
			<-down
		})
	}
	return s
}

// listenTries bounds how often a port is looked for that is free for both.
const listenTries = 10

func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range listenTries {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", listener.Addr().String()); err == nil {
			return packets, listener
		}
		_ = listener.Close()
	}
	t.Fatalf("no port is free for UDP and TCP in %d tries", listenTries)
	return nil, nil
}

func (s *server) put(text string) {
	s.t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(func() { s.records[rr.Header().Name] = append(s.records[rr.Header().Name], rr) })
}

// do looks at the server, or changes it, while it answers nobody.
func (s *server) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// values are those of the TXT records of a name.
func (s *server) values(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, rr := range s.records[name] {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	slices.Sort(all)
	return all
}

// updated is how many updates there were.
func (s *server) updated() (n int) {
	s.do(func() { n = s.updates })
	return n
}

func (s *server) serve(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	switch {
	case s.code != 0:
		m.Rcode = s.code
	case q.Opcode == dns.OpcodeUpdate:
		s.update(w, q, m)
	default:
		s.answer(q.Question[0], m)
	}
	if tsig := q.IsTsig(); tsig != nil && w.TsigStatus() == nil {
		m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, tsigFudge, int64(tsig.TimeSigned))
	}
	_ = w.WriteMsg(m)
}

// update carries out an update that is signed, and by a key that is ours.
func (s *server) update(w dns.ResponseWriter, q, m *dns.Msg) {
	s.updates++
	if q.IsTsig() == nil || w.TsigStatus() != nil {
		m.Rcode = dns.RcodeNotAuth
		return
	}
	for _, rr := range q.Ns {
		name := rr.Header().Name
		same := func(other dns.RR) bool {
			a, isTXT := rr.(*dns.TXT)
			b, alike := other.(*dns.TXT)
			return isTXT && alike && slices.Equal(a.Txt, b.Txt)
		}
		s.records[name] = slices.DeleteFunc(s.records[name], same)
		if rr.Header().Class == dns.ClassINET {
			s.records[name] = append(s.records[name], rr)
		}
	}
}

func (s *server) answer(q dns.Question, m *dns.Msg) {
	s.asked = append(s.asked, q.Name+" "+dns.TypeToString[q.Qtype])
	for _, rr := range s.records[q.Name] {
		switch {
		case rr.Header().Rrtype != q.Qtype && rr.Header().Rrtype != dns.TypeCNAME:
		case q.Qtype == dns.TypeTXT && s.hides > 0:
			s.hides--
		default:
			m.Answer = append(m.Answer, rr)
		}
	}
	for _, zone := range s.zones {
		soa := &dns.SOA{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "ns." + zone, Mbox: "a." + zone}
		switch {
		case q.Name == zone && q.Qtype == dns.TypeSOA:
			m.Answer = append(m.Answer, soa)
		case isBelow(q.Name, zone) && len(m.Answer) == 0:
			m.Ns = []dns.RR{soa}
		}
	}
}

// names are those of a resolver that has the zones itself: its port is that of every
// authoritative server.
func (s *server) names() *names {
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	n := newNames(nil)
	n.servers, n.port = func() ([]string, error) { return []string{s.address}, nil }, port
	return n
}
