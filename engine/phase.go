package engine

import (
	"github.com/isame-lb/isame-lb/pool/end"
)

// phase is where an exchange stands. The order of phases is that of a request; what
// each of them does is a function of its own (do), which says what follows. Those
// functions are the only ones that know the order, and there is one order: the loop runs
// them until one has to wait. What the next event of the client's or the backend's socket
// decides is waited for in the loop. For everything else a goroutine takes the exchange
// over, and runs the same functions from the same phase on to the end, but they wait
// themselves then: x.waits.
//
//	phase        what is done                            the loop waits for       what follows
//	atHead       the head of the request is read         client                   atRoute, an answer of ours, atOver
//	atRoute      what is to become of it is found out    -                        atWrap, atFile, atPrepare, an answer of ours
//	atWrap       the stages of its route have their say  goroutine                atFile, atPrepare, an answer of ours
//	atFile       a file is found                         goroutine                an answer of ours
//	atPrepare    the head for backends is made           goroutine                atAdmit, an answer of ours, atFinish
//	atAdmit      a slot of the pool is taken             goroutine                atPick, an answer of ours
//	atPick       a backend is chosen                     goroutine                atOpen, an answer of ours
//	atOpen       a connection to it is taken, or made    goroutine                atSend, failed
//	atSend       the request is sent                     -                        atSendRest, atUpload, atAwait, failed
//	atSendRest   the backend takes the rest of its head  goroutine                atAwait, failed
//	atUpload     the body gets a goroutine               goroutine                atAwait
//	atAwait      the head of the answer is read          backend, client          atInterim, atUpload, atHedge, atAnswer, failed, atFinish
//	atInterim    the client takes an interim answer      goroutine                atAwait, atFinish
//	atHedge      another backend is asked, too           goroutine                atAwait
//	atSettle     failed, and that one may save it        goroutine                atAnswer, atJudge
//	atJudge      failed: is it tried again               -                        atPause, an answer of ours, atFinish
//	atPause      after a while                           goroutine                atPick, atFinish
//	atAnswer     whose is the answer                     -                        atUnwrap, atRelay, atTunnel, atJudge
//	atUnwrap     the stages see the answer               goroutine                atRelay, an answer of ours, atFinish
//	atRelay      its content is passed on                backend, goroutine       atSpill, atFinish, an answer of ours
//	atSpill      the client takes a part of it           goroutine                atRelay, atFinish
//	atTunnel     the backend has switched protocols      goroutine                atSwitched, an answer of ours, atFinish
//	atDress      the stages see an answer of ours        goroutine                an answer of ours
//	atRest       the client takes an answer of ours      goroutine                atFinish
//	atFinish     it is counted                           -                        atTail, atOver
//	atTail       what the client still sends is dropped  goroutine                atOver
//
// An answer of ours is atDress, atRelay, atRest or atFinish; failed is atSettle or atJudge.
// transitions says the same to the code, and tests hold every step against it.
type phase uint8

const (
	atHead phase = iota
	atRoute
	atWrap
	atFile
	atPrepare
	atAdmit
	atPick
	atOpen
	atSend
	atSendRest
	atUpload
	atAwait
	atInterim
	atHedge
	atSettle
	atJudge
	atPause
	atAnswer
	atUnwrap
	atRelay
	atSpill
	atTunnel
	atDress
	atRest
	atFinish
	atTail
	atOver     // the connection may carry another exchange, if keep says so
	atSwitched // the connection is a tunnel
	phases
)

// What a phase answers in the loop, instead of the phase that follows.
const (
	stay   phase = phases + iota // a socket of the phase has to say something first
	aside                        // a goroutine has to wait for something
	handed                       // likewise in a goroutine: a stage has the answer (carry)
)

// waits is what a phase may wait for in the loop.
type waits uint8

const (
	waitsClient  waits = 1 << iota // its socket's next event leads on
	waitsBackend                   // likewise
	waitsAside                     // it may answer aside
	isAside                        // it is a goroutine's from its beginning
)

// transition is what is known of a phase.
type transition struct {
	name    string
	waits   waits
	asks    bool      // a backend is asked, or will be: the client that leaves ends it
	reached end.Phase // as it is reported; unchanged where it adds nothing
	next    uint32    // set of the phases that may follow
}

// unchanged is no phase that is reported.
const unchanged = end.Phases

func set(all ...phase) (s uint32) {
	for _, p := range all {
		s |= 1 << p
	}
	return s
}

// ours and failed are sets of the table above.
var ours, failed = set(atDress, atRelay, atRest, atFinish), set(atSettle, atJudge)

var transitions = [phases]transition{
	atHead:     {"head", waitsClient, true, end.PhaseRead, ours | set(atRoute, atOver)},
	atRoute:    {"route", 0, true, end.PhaseRoute, ours | set(atWrap, atFile, atPrepare)},
	atWrap:     {"wrap", waitsAside, true, end.PhaseAdmit, ours | set(atFile, atPrepare)},
	atFile:     {"file", waitsAside, false, end.PhaseAdmit, ours},
	atPrepare:  {"prepare", waitsAside, true, end.PhaseAdmit, ours | set(atAdmit)},
	atAdmit:    {"admit", waitsAside, true, unchanged, ours | set(atPick)},
	atPick:     {"pick", waitsAside, true, end.PhasePick, ours | set(atOpen)},
	atOpen:     {"open", waitsAside, true, end.PhaseConnect, failed | set(atSend)},
	atSend:     {"send", 0, true, end.PhaseAnswer, failed | set(atSendRest, atUpload, atAwait)},
	atSendRest: {"send rest", isAside, true, unchanged, failed | set(atAwait)},
	atUpload:   {"upload", isAside, true, unchanged, set(atAwait)},
	atAwait:    {"await", waitsBackend | waitsClient, true, unchanged, failed | set(atInterim, atUpload, atHedge, atAnswer, atFinish)},
	atInterim:  {"interim", isAside, true, unchanged, set(atAwait, atFinish)},
	atHedge:    {"hedge", isAside, true, unchanged, set(atAwait)},
	atSettle:   {"settle", isAside, true, unchanged, set(atAnswer, atJudge)},
	atJudge:    {"judge", 0, true, unchanged, ours | set(atPause)},
	atPause:    {"pause", waitsAside, true, unchanged, set(atPick, atFinish)},
	atAnswer:   {"answer", 0, true, unchanged, set(atUnwrap, atRelay, atTunnel, atJudge)},
	atUnwrap:   {"unwrap", waitsAside, true, unchanged, ours | set(atRelay)},
	atRelay:    {"relay", waitsBackend | waitsAside, true, end.PhaseRelay, ours | set(atSpill)},
	atSpill:    {"spill", isAside, true, unchanged, set(atRelay, atFinish)},
	atTunnel:   {"tunnel", isAside, true, unchanged, ours | set(atSwitched)},
	atDress:    {"dress", isAside, false, unchanged, ours},
	atRest:     {"rest", isAside, false, unchanged, set(atFinish)},
	atFinish:   {"finish", 0, false, unchanged, set(atTail, atOver)},
	atTail:     {"tail", isAside, false, unchanged, set(atOver)},
	atOver:     {name: "over", reached: unchanged},
	atSwitched: {name: "switched", reached: unchanged},
}
