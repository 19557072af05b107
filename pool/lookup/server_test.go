package lookup

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// server is a real name server on a loopback socket, by UDP and TCP, whose zone
// a test changes.
type server struct {
	address string

	mu struct {
		sync.Mutex
		records map[string][]dns.RR // by type and name
		extra   map[string][]dns.RR // additional records, likewise
		rcodes  map[string]int      // by name
		mode    mode
		asked   []string // network, type and name of every question
	}
}

// mode is how the server misbehaves.
type mode uint8

const (
	plainly   mode = iota
	cutting        // UDP answers are truncated and empty
	silent         // no answer
	strangely      // answers name another question
	oldStyle       // FORMERR for EDNS
)

func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.mu.records, s.mu.extra, s.mu.rcodes = map[string][]dns.RR{}, map[string][]dns.RR{}, map[string]int{}
	// The TCP port is free for UDP nearly always; else try another one.
	var ln net.Listener
	var pc net.PacketConn
	for pc == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp", ln.Addr().String()); err != nil {
			_ = ln.Close()
		}
	}
	s.address = ln.Addr().String()
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait) // after the shutdowns
	for _, srv := range []*dns.Server{{Listener: ln, Handler: s}, {PacketConn: pc, Handler: s}} {
		ready := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(ready) }
		wg.Go(func() {
			if err := srv.ActivateAndServe(); err != nil {
				t.Errorf("name server: %v", err)
			}
		})
		<-ready
		t.Cleanup(func() {
			if err := srv.Shutdown(); err != nil {
				t.Errorf("name server: %v", err)
			}
		})
	}
	return s
}

// put adds records, as a zone file has them.
func (s *server) put(t *testing.T, lines ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		where := s.mu.records
		line, also := strings.CutPrefix(line, "+")
		if also {
			where = s.mu.extra
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		key := dns.TypeToString[rr.Header().Rrtype] + " " + strings.ToLower(rr.Header().Name)
		where[key] = append(where[key], rr)
	}
}

// set changes how the server behaves for a name, or altogether.
func (s *server) set(name string, rcode int, m mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.mode = m
	if name != "" {
		s.mu.rcodes[name] = rcode
	}
}

func (s *server) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.asked
}

// ServeDNS implements dns.Handler. Only the first alias is answered with, so that
// the next has to be asked for.
func (s *server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, kind := q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype]
	network := w.RemoteAddr().Network()
	s.mu.asked = append(s.mu.asked, network+" "+kind+" "+name)
	m := new(dns.Msg)
	m.SetReply(q)
	m.Answer = append(m.Answer, s.mu.records[kind+" "+strings.ToLower(name)]...)
	if len(m.Answer) == 0 {
		m.Answer = append(m.Answer, s.mu.records["CNAME "+strings.ToLower(name)]...)
	}
	for _, more := range s.mu.extra {
		m.Extra = append(m.Extra, more...)
	}
	m.Rcode = s.mu.rcodes[name]
	switch {
	case s.mu.mode == silent:
		return
	case s.mu.mode == cutting && network == "udp":
		m.Answer, m.Extra, m.Truncated = nil, nil, true
	case s.mu.mode == strangely:
		m.Question[0].Name = "other.test."
	case s.mu.mode == oldStyle && q.IsEdns0() != nil:
		m.Answer, m.Extra, m.Rcode = nil, nil, dns.RcodeFormatError
	}
	if network == "udp" {
		m.Truncate(udpSize)
	}
	_ = w.WriteMsg(m)
}
