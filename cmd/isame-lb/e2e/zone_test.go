package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The key that a zoneServer takes updates by.
const (
	tsigName   = "isame."
	tsigSecret = "c2VjcmV0IG9mIGEgdGVzdA=="
)

// zoneServer is a name server, by TCP, that says of every name that it is here, has one
// zone, test, and takes records by signed updates and by HTTP.
type zoneServer struct {
	address string
	web     string // PUT and DELETE of NAME?VALUE

	mu      sync.Mutex
	txt     map[string][]string // by name
	cnames  map[string]string
	changes int  // how often a record came or went
	silent  bool // says of no record that it is there
}

const zoneOfTests = "test."

func startNames(t *testing.T) *zoneServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &zoneServer{address: ln.Addr().String(), txt: map[string][]string{}, cnames: map[string]string{}}
	server := &dns.Server{
		Listener: ln, ReadTimeout: time.Second, Handler: dns.HandlerFunc(n.serve), TsigSecret: map[string]string{tsigName: tsigSecret},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }, // updates, too
	}
	done, ready := make(chan struct{}), make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	<-ready
	web := httptest.NewServer(http.HandlerFunc(n.serveWeb))
	n.web = web.URL
	t.Cleanup(func() {
		web.Close()
		_ = server.Shutdown()
		<-done
	})
	return n
}

func (n *zoneServer) serve(w dns.ResponseWriter, q *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	switch {
	case q.Opcode != dns.OpcodeUpdate:
		n.answer(q.Question[0], m)
	case q.IsTsig() == nil || w.TsigStatus() != nil:
		m.Rcode = dns.RcodeNotAuth
	default:
		for _, rr := range q.Ns {
			if txt, ok := rr.(*dns.TXT); ok {
				n.changeLocked(txt.Hdr.Name, strings.Join(txt.Txt, ""), txt.Hdr.Class == dns.ClassINET)
			}
		}
		m.SetTsig(tsigName, q.IsTsig().Algorithm, 300, time.Now().Unix())
	}
	_ = w.WriteMsg(m)
}

func (n *zoneServer) answer(q dns.Question, m *dns.Msg) {
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}
	if target := n.cnames[q.Name]; target != "" {
		header.Rrtype = dns.TypeCNAME
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header, Target: target})
		header.Name, header.Rrtype = target, q.Qtype
	}
	switch q.Qtype {
	case dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
	case dns.TypeTXT:
		for _, value := range n.txt[header.Name] {
			if !n.silent {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{value}})
			}
		}
	case dns.TypeSOA:
		soa := &dns.SOA{Hdr: dns.RR_Header{Name: zoneOfTests, Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "ns." + zoneOfTests, Mbox: zoneOfTests}
		if q.Name == zoneOfTests {
			m.Answer = append(m.Answer, soa)
			break
		}
		m.Ns = append(m.Ns, soa)
	}
}

func (n *zoneServer) serveWeb(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changeLocked(strings.TrimPrefix(r.URL.Path, "/"), r.URL.RawQuery, r.Method == http.MethodPut)
	w.WriteHeader(http.StatusNoContent)
}

func (n *zoneServer) changeLocked(name, value string, there bool) {
	n.changes++
	n.txt[name] = slices.DeleteFunc(n.txt[name], func(v string) bool { return v == value })
	if there {
		n.txt[name] = append(n.txt[name], value)
	}
}

// do looks at the server, or changes it, while it answers nobody.
func (n *zoneServer) do(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// left says which records there are.
func (n *zoneServer) left() string {
	var all []string
	n.do(func() {
		for name, values := range n.txt {
			for range values {
				all = append(all, name)
			}
		}
	})
	return strings.Join(all, " ")
}

// changed is how often a record came or went.
func (n *zoneServer) changed() (times int) {
	n.do(func() { times = n.changes })
	return times
}

// updates is the dns section of a proxy that may send updates.
func (n *zoneServer) updates() string {
	return fmt.Sprintf("dns: {provider: rfc2136, server: %q, key_name: isame, key_secret: %q, resolvers: [%q], propagation: 1m}",
		n.address, tsigSecret, n.address)
}
