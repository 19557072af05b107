package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// ask looks up with a generous bound and writes what was found as
// "address*weight@rank", leaving out the usual weight 1 and rank 0.
func ask(t *testing.T, s *server, kind, name string) (string, Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, err := Find(ctx, Question{Name: name, Type: kind, Port: 80, Server: s.address})
	var list []string
	for _, f := range a.Found {
		text := f.Address
		if f.Weight != 1 {
			text += fmt.Sprintf("*%d", f.Weight)
		}
		if f.Rank != 0 {
			text += fmt.Sprintf("@%d", f.Rank)
		}
		list = append(list, text)
	}
	return strings.Join(list, " "), a, err
}

func TestFind(t *testing.T) {
	zone := []string{
		"two.test. 30 IN A 10.0.0.2", "two.test. 20 IN A 10.0.0.1", "two.test. 60 IN AAAA fd00::1",
		"six.test. 5 IN AAAA fd00::2", "six.test. 5 IN AAAA ::ffff:10.0.0.9",
		"alias.test. 7 IN CNAME alias2.test.", "alias2.test. 9 IN CNAME two.test.",
		"round.test. 9 IN CNAME trip.test.", "trip.test. 9 IN CNAME round.test.",
		"dangling.test. 9 IN CNAME nowhere.test.",
		"blocked.test. 9 IN A 0.0.0.0", "blocked.test. 9 IN A 224.0.0.1",
		"mixed.test. 9 IN A 0.0.0.0", "mixed.test. 9 IN A 10.0.0.5",
		"Case.test. 9 IN A 10.0.0.6",
		"text.test. 9 IN TXT hello",

		"_http._tcp.one.test. 40 IN SRV 10 5 8080 two.test.", "_http._tcp.one.test. 40 IN SRV 10 0 8081 two.test.",
		"_http._tcp.one.test. 40 IN SRV 20 7 8080 six.test.", "_http._tcp.one.test. 40 IN SRV 99 1 9 deep.test.",
		"deep.test. 3 IN CNAME two.test.",
		"_gone._tcp.test. 9 IN SRV 0 0 0 .", "_part._tcp.test. 9 IN SRV 0 0 80 nowhere.test.", "_part._tcp.test. 9 IN SRV 0 0 80 two.test.",
		"_bad._tcp.test. 9 IN SRV 0 0 80 broken.test.", "_bad._tcp.test. 9 IN SRV 0 0 80 two.test.",
		"_twice._tcp.test. 9 IN SRV 0 3 80 two.test.", "_twice._tcp.test. 9 IN SRV 1 3 80 alias.test.",
	}
	cases := []struct {
		name, kind, ask string
		want            string
		ttl             time.Duration
		err             error
	}{
		{"A", "A", "two.test", "10.0.0.1:80 10.0.0.2:80", 20 * time.Second, nil},
		{"final dot", "A", "two.test.", "10.0.0.1:80 10.0.0.2:80", 20 * time.Second, nil},
		{"AAAA", "AAAA", "two.test", "[fd00::1]:80", time.Minute, nil},
		{"IPv4 inside of IPv6", "AAAA", "six.test", "10.0.0.9:80 [fd00::2]:80", 5 * time.Second, nil},
		{"aliases count for the TTL", "A", "alias.test", "10.0.0.1:80 10.0.0.2:80", 7 * time.Second, nil},
		{"aliases in a circle", "A", "round.test", "", 0, ErrNoRecords},
		{"alias of nothing", "A", "dangling.test", "", 0, ErrNoName},
		{"addresses no backend has", "A", "blocked.test", "", 0, ErrNoRecords},
		{"among others", "A", "mixed.test", "10.0.0.5:80", 9 * time.Second, nil},
		{"letter case", "A", "cASE.test", "10.0.0.6:80", 9 * time.Second, nil},
		{"other records only", "A", "text.test", "", 0, ErrNoRecords},
		{"no such name", "A", "nowhere.test", "", 0, ErrNoName},
		{"SERVFAIL", "A", "broken.test", "", 0, ErrServer},
		{
			"SRV", "SRV", "_http._tcp.one.test",
			"10.0.0.1:8080*5 10.0.0.1:8081 10.0.0.2:8080*5 10.0.0.2:8081 10.0.0.9:8080*7@1 10.0.0.1:9@2 10.0.0.2:9@2", 3 * time.Second, nil,
		},
		{"service decidedly not there", "SRV", "_gone._tcp.test", "", 0, ErrNoRecords},
		{"a target that does not exist", "SRV", "_part._tcp.test", "10.0.0.1:80 10.0.0.2:80", 9 * time.Second, nil},
		{"a target that cannot be asked for", "SRV", "_bad._tcp.test", "", 0, ErrServer},
		{"the same address twice", "SRV", "_twice._tcp.test", "10.0.0.1:80*3 10.0.0.2:80*3", 7 * time.Second, nil},
		{"SRV of a name without", "SRV", "two.test", "", 0, ErrNoRecords},
	}
	s := startServer(t)
	s.put(t, zone...)
	s.set("broken.test.", dns.RcodeServerFailure, plainly)
	s.set("nowhere.test.", dns.RcodeNameError, plainly)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, a, err := ask(t, s, c.kind, c.ask)
			if got != c.want || a.TTL != c.ttl || !errors.Is(err, c.err) {
				t.Errorf("got %q, TTL %v, error %v; want %q, %v, %v", got, a.TTL, err, c.want, c.ttl, c.err)
			}
		})
	}
}

func TestTargetsComeFromTheAdditionalRecords(t *testing.T) {
	s := startServer(t)
	s.put(t, "_a._tcp.test. 9 IN SRV 0 0 80 h.test.", "+h.test. 4 IN A 10.0.0.1", "+h.test. 4 IN AAAA fd00::1")
	got, a, err := ask(t, s, "SRV", "_a._tcp.test")
	if err != nil || got != "10.0.0.1:80" || a.TTL != 4*time.Second {
		t.Errorf("got %q, TTL %v, error %v", got, a.TTL, err)
	}
	if asked := s.questions(); len(asked) != 1 {
		t.Errorf("asked %q; want one question", asked)
	}
}

// A hundred addresses do not fit into a datagram: the answer is truncated, and
// asked for again by TCP.
func TestManyAddressesComeByTCP(t *testing.T) {
	s := startServer(t)
	for i := range 100 {
		s.put(t, fmt.Sprintf("many.test. 9 IN A 10.0.0.%d", i+1))
	}
	_, a, err := ask(t, s, "A", "many.test")
	if err != nil || len(a.Found) != 100 {
		t.Fatalf("%d addresses, error %v", len(a.Found), err)
	}
	if asked, want := s.questions(), []string{"udp A many.test.", "tcp A many.test."}; !slices.Equal(asked, want) {
		t.Errorf("asked %q; want %q", asked, want)
	}
	t.Run("the order of the records does not matter", func(t *testing.T) {
		s.mu.Lock()
		slices.Reverse(s.mu.records["A many.test."])
		s.mu.Unlock()
		if _, b, err := ask(t, s, "A", "many.test"); err != nil || !slices.Equal(a.Found, b.Found) {
			t.Errorf("another order of records gives %v, %v", b.Found, err)
		}
	})
}

func TestServersThatMisbehave(t *testing.T) {
	cases := []struct {
		name string
		mode mode
		want string
		err  string
	}{
		{"truncated and empty", cutting, "10.0.0.1:80", ""},
		{"without EDNS", oldStyle, "10.0.0.1:80", ""},
		{"answers to another question", strangely, "", "answer to another question"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t)
			s.put(t, "a.test. 9 IN A 10.0.0.1")
			s.set("", 0, c.mode)
			got, _, err := ask(t, s, "A", "a.test")
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, error %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = pc.Close()
		_, first := Find(t.Context(), Question{Name: "a.test", Type: "A", Server: pc.LocalAddr().String()})
		_, second := Find(t.Context(), Question{Name: "a.test", Type: "A", Server: pc.LocalAddr().String()})
		if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), "refused") {
			t.Errorf("got %v, then %v; want the same refusal twice", first, second)
		}
	})
}

func TestASilentServerIsNotWaitedForAfterTheEnd(t *testing.T) {
	s := startServer(t)
	s.set("", 0, silent)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := Find(ctx, Question{Name: "a.test", Type: "A", Server: s.address})
		done <- err
	}()
	for ; len(s.questions()) == 0; <-time.After(time.Millisecond) { // until it waits
		if time.Since(began) > tryTimeout {
			t.Fatal("nobody was asked")
		}
	}
	cancel()
	if err := <-done; err == nil || time.Since(began) > tryTimeout {
		t.Errorf("error %v after %v; want one at once", err, time.Since(began))
	}
}

// The next server is asked when one cannot answer, and the names of the search
// list in turn.
func TestServersAndNamesInTurn(t *testing.T) {
	bad, good := startServer(t), startServer(t)
	bad.set("api.a.test.", dns.RcodeServerFailure, plainly)
	bad.set("api.b.test.", dns.RcodeRefused, plainly)
	good.set("api.a.test.", dns.RcodeNameError, plainly)
	good.put(t, "api.b.test. 9 IN A 10.0.0.1")
	r, _, err := newResolver(Question{Server: bad.address})
	if err != nil {
		t.Fatal(err)
	}
	r.servers = append(r.servers, good.address)
	a, err := r.findAny(t.Context(), []string{"api.a.test.", "api.b.test."}, Question{Type: "A", Port: 80})
	if err != nil || len(a.Found) != 1 || a.Found[0].Address != "10.0.0.1:80" {
		t.Errorf("got %v, %v", a, err)
	}
	if n := len(bad.questions()); n != 2 {
		t.Errorf("%d questions to the one that cannot answer; want 2", n)
	}
}

func TestSystemResolver(t *testing.T) {
	r, names, err := newResolver(Question{Name: "api.test."})
	if err != nil {
		t.Skipf("SKIPPED: this machine has no %s: %v", resolvConf, err)
	}
	if len(r.servers) == 0 || !slices.Equal(names, []string{"api.test."}) {
		t.Errorf("servers %v, names %v", r.servers, names)
	}
}

// Whatever bytes a server sends, a lookup ends with addresses or an error.
func FuzzAnswer(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("a.test.", dns.TypeSRV)
	for _, line := range []string{"a.test. 1 IN CNAME b.test.", "b.test. 1 IN SRV 1 2 3 c.test.", "c.test. 1 IN A 10.0.0.1"} {
		rr, err := dns.NewRR(line)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	m.Extra = m.Answer[2:]
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, dns.TypeSRV)
	f.Fuzz(func(t *testing.T, data []byte, kind uint16) {
		var m dns.Msg
		if m.Unpack(data) != nil {
			return
		}
		asked := 0
		r := &resolver{ask: func(context.Context, string, uint16) (*dns.Msg, error) {
			asked++
			return &m, nil
		}}
		var a Answer
		var err error
		if kind%2 == 0 {
			a, err = r.findServices(t.Context(), "a.test.")
		} else {
			a, err = r.find(t.Context(), "a.test.", Question{Type: "A", Port: 80})
		}
		if (err == nil) != (len(a.Found) > 0) {
			t.Fatalf("%d addresses, error %v", len(a.Found), err)
		}
		for _, x := range a.Found {
			if _, _, err := net.SplitHostPort(x.Address); err != nil || x.Weight < 1 || x.Rank < 0 {
				t.Fatalf("found %+v: %v", x, err)
			}
		}
		if limit := 2 * (aliasesMax + 2) * (len(m.Answer) + 1); asked > limit {
			t.Fatalf("asked %d times for an answer of %d records", asked, len(m.Answer))
		}
	})
}
