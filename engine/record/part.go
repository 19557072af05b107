package record

import "github.com/isame-lb/isame-lb/pool/end"

// Part is a part of the time of an exchange. The parts of a record are as long together as
// the exchange, but for what numbers of few bits cost.
type Part uint8

// The parts, in the order in which they come.
const (
	// PartRead is until the head of the request was there.
	PartRead Part = iota
	// PartBody is what was waited for its content: before an attempt, where a stage wants it
	// whole, else while the backend had not answered.
	PartBody
	// PartAdmit is the rest of what comes before the first attempt: stages, and the wait for
	// a place in the pool.
	PartAdmit
	// PartRetry are attempts whose answer was not taken, as long as no other one was under way.
	PartRetry
	// PartPause is between attempts.
	PartPause
	// PartConnect is until the last attempt had a connection.
	PartConnect
	// PartAnswer is from then to the head of its answer, or to its end.
	PartAnswer
	// PartRelay is what was waited for the rest of that answer.
	PartRelay
	// PartSend is what that was on its way to the client.
	PartSend
	// PartOwn is an answer of the proxy's own.
	PartOwn

	// Parts is how many there are.
	Parts
)

// listedPart is what is known of a Part.
type listedPart struct {
	word string
	side end.Side
	text string // what is done in it, behind "is"
}

var parts = [Parts]listedPart{
	PartRead:    {"read", end.SideClient, "waiting for the head of the request"},
	PartBody:    {"body", end.SideClient, "waiting for the content of the request"},
	PartAdmit:   {"admit", end.SideProxy, "stages and the wait for a place, before a backend was asked"},
	PartRetry:   {"retry", end.SideBackend, "attempts whose answer was not taken"},
	PartPause:   {"pause", end.SideProxy, "pauses between attempts"},
	PartConnect: {"connect", end.SideBackend, "getting a connection"},
	PartAnswer:  {"answer", end.SideBackend, "waiting for the first byte of the answer"},
	PartRelay:   {"relay", end.SideBackend, "waiting for the rest of the answer"},
	PartSend:    {"send", end.SideClient, "passing the answer on to the client"},
	PartOwn:     {"own", end.SideProxy, "answers of the proxy itself, until the client had them"},
}

// String is its word.
func (p Part) String() string { return parts[p].word }

// Side says whose time it is: that of the client with its network, of a backend with its, or
// the proxy's.
func (p Part) Side() end.Side { return parts[p].side }

// Text says what is done in it.
func (p Part) Text() string { return parts[p].text }

// Steps of what Waited notes: the bits that are left beside flags and words.
const (
	bodyLast = 1<<(8-flagBits) - 1
	sendLast = 1<<(8-spokenBits) - 1
)

// Waited notes how long the client was waited for: bodyNanos for the content of its request
// before the answer had begun, sendNanos for what it took of the answer. They are kept in
// sevenths and fifteenths of the time in which that may have been. Trail.Into and Speaks come
// before.
func (r *Record) Waited(bodyNanos, sendNanos int64) {
	if sendNanos > 0 {
		r.spoken = r.spoken&(1<<spokenBits-1) | shareOf(sendNanos, r.Took-r.answered(), sendLast)<<spokenBits
	}
	if bodyNanos > 0 {
		r.Flags = r.Flags&(1<<flagBits-1) | Flags(shareOf(bodyNanos, r.heard()-int64(r.Read.Duration()), bodyLast))<<flagBits
	}
}

// last is the attempt whose end is that of the exchange: the rival that has won or, where
// none has, the last one that is none, which then is not outrun. nil: there was none.
func (r *Record) last() *Try {
	var last *Try
	for i := range min(int(r.Tried), triesKept) {
		t := &r.Tries[i]
		if t.what&tryWon != 0 {
			return t
		}
		if t.what&tryRival == 0 || last == nil {
			last = t
		}
	}
	return last
}

// answered is when the head of the answer came, or the last attempt ended, counted from the
// begin of the exchange; 0 without an attempt.
func (r *Record) answered() int64 {
	t := r.last()
	if t == nil {
		return 0
	}
	return min(int64(t.Began.Duration()+t.Answer.Duration()), r.Took)
}

// heard is until when the client may have been waited for to send its request: answered, or
// without an attempt the whole time.
func (r *Record) heard() int64 {
	if r.Tried == 0 {
		return r.Took
	}
	return r.answered()
}

// split is the time of a record by its parts, and by backends.
type split struct {
	of Shares
	// backend has PartConnect, PartAnswer and PartRelay; 0: there was none.
	backend uint32
	// retried are those that have PartRetry, as far as they are known.
	retried [triesKept]spent
}

// spent is time of a backend.
type spent struct {
	backend uint32
	nanos   int64
}

// client is how long the client was waited for, all in all.
func (s *split) client() int64 { return s.of[PartRead] + s.of[PartBody] + s.of[PartSend] }

// Shares is the time of an exchange by its parts, in nanoseconds.
type Shares [Parts]int64

// Shares takes the time of r apart.
func (r *Record) Shares() Shares { return r.split().of }

// split takes the time of r apart.
func (r *Record) split() (s split) {
	read := min(int64(r.Read.Duration()), r.Took)
	last := r.last()
	if last == nil {
		r.splitOwn(&s, read)
		return s
	}
	s.of[PartRead], s.backend = read, last.Backend
	began, answered := min(int64(last.Began.Duration()), r.Took), r.answered()
	admitted := max(min(int64(r.Admit.Duration()), began), read)
	s.of[PartAdmit] = admitted - read
	r.splitTries(&s, last, admitted, began)
	connect := min(int64(last.Connect.Duration()), answered-began)
	if last.what&statusMask == 0 && connect == 0 && last.End.In(end.PhaseConnect) == end.PhaseConnect {
		connect = answered - began // it has got none
	}
	s.of[PartConnect], s.of[PartAnswer] = connect, answered-began-connect
	r.splitRest(&s, last, r.Took-answered)
	s.takeBody(partOf(answered-read, uint8(r.Flags>>flagBits), bodyLast))
	return s
}

// splitOwn is split where no backend was asked.
func (r *Record) splitOwn(s *split, read int64) {
	rest := PartOwn
	switch phase := r.End.In(r.Reached); {
	case phase <= end.PhaseRead:
		rest = PartRead // it came so far alone, or was refused there
	case r.End != end.OK:
		rest = PartAdmit
	}
	s.of[PartRead] += read
	s.of[rest] += r.Took - read
	if r.End != end.OK {
		s.takeBody(partOf(r.Took-read, uint8(r.Flags>>flagBits), bodyLast))
	}
}

// splitTries is split for what is between the begin of the first attempt and that of last.
// Between the third attempt and the last one there may be others, which are not kept.
func (r *Record) splitTries(s *split, last *Try, from, to int64) {
	for i := range min(int(r.Tried), triesKept) {
		t := &r.Tries[i]
		if t == last || from >= to {
			break
		}
		if t.what&tryRival != 0 {
			continue
		}
		began, ended := int64(t.Began.Duration()), to
		if t.End != end.Outrun {
			ended = min(int64(t.Began.Duration()+t.Answer.Duration()), to)
		}
		s.of[PartPause] += max(began-from, 0)
		s.of[PartRetry] += max(ended-max(began, from), 0)
		s.retried[i] = spent{t.Backend, max(ended-max(began, from), 0)}
		from = max(from, ended)
	}
	gap := PartPause
	if int(r.Tried) > triesKept {
		gap = PartRetry
	}
	s.of[gap] += max(to-from, 0)
}

// splitRest is split for what comes behind the head of the answer, or behind the last
// attempt where there was none.
func (r *Record) splitRest(s *split, last *Try, rest int64) {
	if last.what&statusMask == 0 {
		s.of[PartOwn] += rest
		return
	}
	s.of[PartSend] = partOf(rest, r.spoken>>spokenBits, sendLast)
	s.of[PartRelay] = rest - s.of[PartSend]
}

// takeBody makes a part of the time before the answer that of the request's content: of the
// wait for the answer or, where a stage has read it before, of what was before the attempt.
// Which one is not kept, so the longer one comes first.
func (s *split) takeBody(nanos int64) {
	first, second := &s.of[PartAnswer], &s.of[PartAdmit]
	if *first < *second {
		first, second = second, first
	}
	for _, from := range []*int64{first, second} {
		taken := min(nanos, *from)
		*from -= taken
		s.of[PartBody] += taken
		nanos -= taken
	}
}
