package record

import (
	"net/netip"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// View is a record as readers see it.
type View struct {
	// Shard and Number name it: no other record of the process has both.
	Shard  int
	Number uint64
	// ID is the request id, or what is kept of it: see IDCut.
	ID    string
	IDCut bool
	// Started is when the first byte of the request came; Took is from then to the last of
	// the answer. Read is how long the head of the request took to come, 0 where it came at
	// once, and Admit how long it was until the first attempt began, 0 without one.
	Started           time.Time
	Took, Read, Admit time.Duration
	// BodyWait is what was waited for the client to send the content of its request, SendWait
	// what content of the answer was on its way to it: PartBody and PartSend, about.
	BodyWait, SendWait time.Duration

	Generation            uint32
	Listener, Route, Pool string // empty: it had not come so far, or its name is not known any more
	Version               Version
	Secure, Tunnel        bool
	Client                netip.Addr // invalid for a unix socket
	Method, Host, Path    string     // as they came; empty where the head was refused
	HostCut, PathCut      bool

	Status int
	End    end.End
	Phase  end.Phase
	// Tried is how many attempts there were, Rivals how many of these ran beside another one.
	Tried, Rivals int
	Tries         []TryView
	// Refusal is what stood against another attempt; empty is nothing.
	Refusal string
	// In and Out are bytes from and to the client.
	In, Out int64
}

// TryView is one attempt.
type TryView struct {
	// Place counts the attempts of the exchange, from 1.
	Place   int
	Backend string
	// Began is counted from the first byte of the request. Connect is how long it took to
	// get a connection, Answer how long it was until the head of the answer came or, without
	// one, until it ended.
	Began, Connect, Answer time.Duration
	// Reused says that the connection had carried a request before: Age old, and Idle for so long. 0 is not known.
	Reused    bool
	Age, Idle time.Duration
	// Rival ran beside another attempt that was late, and has Won where its answer was taken.
	Rival, Won bool
	Breaker    Breaker
	// Status is that of its answer; 0 without one.
	Status int
	End    end.End
}

// View is a record that is not kept, for its owner; Started is of the wall clock, in
// nanoseconds since 1970.
func (c *Recorder) View(r *Record) View { return c.view(place{}, r) }

// view is r for readers.
func (c *Recorder) view(at place, r *Record) View {
	method, host, path := r.texts()
	v := View{
		Shard: at.shard, Number: at.number,
		ID: string(r.idKept()), IDCut: int(r.idLen) > idRoom,
		Started: time.Unix(0, r.Started).UTC(), Took: time.Duration(r.Took), Read: r.Read.Duration(), Admit: r.Admit.Duration(),
		Generation: r.Generation, Listener: c.Names.text(r.Listener), Route: c.Names.text(r.Route), Pool: c.Names.text(r.Pool),
		Version: Version(r.spoken & versionMask), Secure: r.Flags&Secure != 0, Tunnel: r.Flags&Tunnel != 0, Client: r.clientAddr(),
		Method: string(method), Host: string(host), Path: string(path), HostCut: r.Flags&hostCut != 0, PathCut: r.Flags&pathCut != 0,
		Status: int(r.Status), End: r.End, Phase: r.End.In(r.Reached), Tried: int(r.Tried), Rivals: int(r.Rivals),
		Refusal: Refusal(r.spoken >> versionBits & refusalMask), In: r.In.Bytes(), Out: r.Out.Bytes(),
	}
	s := r.split()
	v.BodyWait, v.SendWait = time.Duration(s.of[PartBody]), time.Duration(s.of[PartSend])
	for i := range min(int(r.Tried), triesKept) {
		v.Tries = append(v.Tries, c.viewTry(r, i))
	}
	return v
}

// viewTry is the attempt in one of the places of r.
func (c *Recorder) viewTry(r *Record, i int) TryView {
	t, number := &r.Tries[i], i+1
	if i == triesKept-1 {
		number = int(r.Tried)
	}
	return TryView{
		Place: number, Backend: c.Names.text(t.Backend),
		Began: t.Began.Duration(), Connect: t.Connect.Duration(), Answer: t.Answer.Duration(),
		Reused: t.what&tryReused != 0, Age: t.Age.Duration(), Idle: t.Idle.Duration(),
		Rival: t.what&tryRival != 0, Won: t.what&tryWon != 0,
		Breaker: Breaker(t.what >> breakerShift), Status: int(t.what & statusMask), End: t.End,
	}
}
