package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/end"
)

// endOf is when an exchange has ended.
func endOf(r *api.Record) time.Time {
	return r.Started.Add(time.Duration(r.TookMS * float64(time.Millisecond)))
}

// requestLine is what was asked for, in one line.
func requestLine(r *api.Record) string {
	if r.Method == "" {
		return "(refused)"
	}
	return r.Method + " " + r.Host + dots(r.HostCut) + r.Path + dots(r.PathCut)
}

// dots stand for what is not kept.
func dots(cut bool) string {
	if cut {
		return "…"
	}
	return ""
}

// explainRecord tells the story of one exchange, in sentences.
func explainRecord(s *screen, r *api.Record) {
	heading := requestLine(r)
	if r.Method == "" {
		heading = "A request whose head was refused"
	}
	s.paragraph("", fmt.Sprintf("%s: %d %s, %s", heading, r.Status, r.Cause, s.ago(endOf(r))))
	s.blank()
	s.paragraph("Request", came(r))
	s.paragraph("Route", taken(r))
	for i := range r.Tries {
		t := &r.Tries[i]
		if i > 0 && t.Attempt > r.Tries[i-1].Attempt+1 {
			s.paragraph("", fmt.Sprintf("Of attempts %d to %d nothing is kept.", r.Tries[i-1].Attempt+1, t.Attempt-1))
		}
		s.paragraph("Attempt "+strconv.Itoa(t.Attempt), attempted(t))
	}
	if why := notRepeated(r.NoRetry); why != "" {
		s.paragraph("Retry", why)
	}
	s.paragraph("Answer", answered(r))
	s.paragraph("Time", spent(r))
	s.paragraph("Cause", blame(r))
	if r.Advice != "" {
		s.paragraph("To do", r.Advice)
	}
}

// came says what came, from whom and where.
func came(r *api.Record) string {
	from, over := "a client without an address", r.Protocol
	if r.Client != "" {
		from = r.Client
	}
	if r.TLS {
		over += " and TLS"
	}
	at := r.Started.UTC().Format("2006-01-02 15:04:05.000 MST")
	text := fmt.Sprintf("It came from %s over %s to listener %s, at %s.", from, over, r.Listener, at)
	if r.HostCut {
		text += " Its host is longer than the 32 bytes that are kept."
	}
	if r.PathCut {
		text += " Its path is longer than the 64 bytes that are kept."
	}
	switch {
	case r.RequestIDCut:
		text += " Its id begins with " + r.RequestID + "."
	case r.RequestID != "":
		text += " Its id is " + r.RequestID + "."
	}
	return text
}

// taken says which route took it.
func taken(r *api.Record) string {
	in := fmt.Sprintf("generation %d", r.Generation)
	switch {
	case r.Route == "" && r.Pool == "":
		return fmt.Sprintf("No route has taken it (%s).", in)
	case r.Pool == "":
		return fmt.Sprintf("Route %s of %s has taken it; no pool was asked.", r.Route, in)
	default:
		return fmt.Sprintf("Route %s of %s has sent it to pool %s.", r.Route, in, r.Pool)
	}
}

// unconnected are the causes of an attempt that has not come to a connection.
var unconnected = []string{
	end.ConnectRefused.Word(), end.ConnectTimeout.Word(), end.ConnectFailed.Word(), end.NoFreeConnection.Word(),
}

// attempted tells one attempt, and what it was to a breaker.
func attempted(t *api.RecordTry) string {
	text := ended(t)
	if t.Trial {
		text += " It was a trial: the circuit breaker was half-open."
	}
	if t.Breaker != "" {
		text += " With that the circuit breaker of " + t.Backend + " has " + t.Breaker + "."
	}
	return text
}

// ended tells how an attempt went.
func ended(t *api.RecordTry) string {
	text := fmt.Sprintf("After %s %s was asked", inMS(t.BeganMS), t.Backend)
	if t.Hedge {
		text += " as well, as the answer was late"
	}
	e, known := end.Of(t.Cause)
	meaning := ""
	if known && e != end.OK {
		meaning = " " + e.Text()
	}
	switch {
	case slices.Contains(unconnected, t.Cause), t.Cause == end.TLSFailed.Word() && t.ConnectMS == 0:
		return text + fmt.Sprintf(". It ended %s later without a connection: %s.%s", inMS(t.AnswerMS), t.Cause, meaning)
	case t.Cause == end.Outrun.Word():
		return text + ". Its answer was not needed: that of another attempt came first, or nobody waited for it any more."
	}
	text += ", on " + connectionOf(t) + "."
	switch {
	case t.Status == 0:
		return text + fmt.Sprintf(" It ended %s after it had begun, without an answer: %s.%s", inMS(t.AnswerMS), t.Cause, meaning)
	case t.Cause != end.OK.Word():
		return text + fmt.Sprintf(" It answered %d, %s after it had begun, and then: %s.%s", t.Status, inMS(t.AnswerMS), t.Cause, meaning)
	}
	return text + fmt.Sprintf(" It answered %d, %s after it had begun.", t.Status, inMS(t.AnswerMS))
}

// connectionOf says which connection an attempt had.
func connectionOf(t *api.RecordTry) string {
	if !t.Reused {
		return "a new connection (" + inMS(t.ConnectMS) + ")"
	}
	text := "a connection that was used before"
	if t.ConnectionAgeSeconds > 0 {
		text += ", about " + inMS(t.ConnectionAgeSeconds*1000) + " old"
	}
	if t.IdleMS > 0 {
		text += ", and had been idle for " + inMS(t.IdleMS)
	}
	return text
}

// notRepeated says what stood against another attempt.
func notRepeated(reason string) string {
	switch reason {
	case "":
		return ""
	case "body":
		return "The route would have tried again, but the body of the request was too long to be kept for that."
	case "budget":
		return "The route would have tried again, but its retry budget was used up (routes.*.retry.budget)."
	case "deadline":
		return "The route would have tried again, but its timeout left no time for that (routes.*.timeout)."
	default:
		return "The route would have tried again, but could not: " + reason + "."
	}
}

// answered says what the client got.
func answered(r *api.Record) string {
	bytes := count(r.BytesIn) + " bytes came from it, and " + count(r.BytesOut) + " went to it."
	switch {
	case r.Tunnel:
		return fmt.Sprintf("The client got %d, and then a tunnel. %s", r.Status, bytes)
	case r.Cause == end.ClientGone.Word() && r.Status == statusLeft, r.Status == 0:
		return fmt.Sprintf("The client was not there to be answered: it counts as %d. %s", r.Status, bytes)
	}
	return fmt.Sprintf("The client was answered %d. %s", r.Status, bytes)
}

// statusLeft counts clients that have left.
const statusLeft = 499

// spent says where the time went.
func spent(r *api.Record) string {
	text := inMS(r.TookMS) + " in all"
	var parts []string
	part := func(ms float64, what string) {
		if ms >= 0.001 {
			parts = append(parts, inMS(ms)+" "+what)
		}
	}
	part(r.ReadMS, "until the head of the request was here")
	if len(r.Tries) == 0 {
		return joined(text, parts)
	}
	part(r.AdmitMS-r.ReadMS, "until a backend was asked (stages, and the wait for a place)")
	head := 0.0 // of the answer that was passed on
	for i := range r.Tries {
		if t := &r.Tries[i]; t.Status > 0 && t.Cause != end.Outrun.Word() {
			head = t.BeganMS + t.AnswerMS
		}
	}
	if head > 0 {
		part(head-max(r.AdmitMS, r.ReadMS), "until the head of the answer came, in all attempts")
		part(r.TookMS-head, "from there to the end")
	}
	return joined(text, parts)
}

func joined(text string, parts []string) string {
	if len(parts) == 0 {
		return text + "."
	}
	return text + ": " + strings.Join(parts, ", ") + "."
}

// blame says whose doing the end was.
func blame(r *api.Record) string {
	text := fmt.Sprintf("%s, while it was in phase %s. %s", r.Cause, r.Phase, r.Meaning)
	switch r.Side {
	case end.SideClient.String():
		return text + " It is the client's doing."
	case end.SideBackend.String():
		return text + " It is the backend's doing."
	case end.SideProxy.String():
		return text + " It is the proxy's doing: a limit, a rule, or a race that nobody can be blamed for."
	case end.SideService.String():
		return text + " It is the doing of a service that a stage depends on."
	}
	text = r.Cause + ". " + r.Meaning
	if r.Status >= 500 {
		text += fmt.Sprintf(" That it says %d is the backend's doing, or that of the route which answers so.", r.Status)
	}
	return text
}

// inMS is a time in the unit that suits it.
func inMS(ms float64) string {
	switch {
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + "ms"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + "ms"
	case ms < 100_000:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + "s"
	}
	return short(time.Duration(ms * float64(time.Millisecond)))
}
