package engine

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Explain says what would become of a request, and why. Nothing is sent, counted or taken,
// and nobody is asked: an exchange that nobody sees goes through the same functions as
// those of clients, up to where it would ask a backend. It may be called by any goroutine
// but those of loops. An error is of explain.ErrQuestion, or there is no configuration.
func (e *Engine) Explain(q *explain.Question) (*explain.Explanation, error) {
	t := e.table.Load()
	if t == nil {
		return nil, errNothingRuns
	}
	return e.explainBy(t, q)
}

// explainBy is Explain by a table.
func (e *Engine) explainBy(t *table, q *explain.Question) (*explain.Explanation, error) {
	to, err := q.Target()
	if err != nil {
		return nil, err
	}
	s, err := t.settingOf(q, &to)
	if err != nil {
		return nil, err
	}
	head, err := q.Head(&to, s.config.TLS != nil)
	if err != nil {
		return nil, err
	}
	x := e.imagine(t, &s, q.Protocol, head)
	defer x.forgetImagined()
	next := x.read()
	w := &explaining{x: x, out: &explain.Explanation{Generation: x.table.generation}}
	w.out.Listener = explain.Listener{Name: s.name, Address: s.listener.Addr(), TLS: s.config.TLS != nil, Why: s.why}
	w.certificate(&s)
	switch _, comes := x.policy.expects(s.peer); {
	case !comes:
		w.out.Reply = &explain.Reply{By: "the listener, which closes the connection: it requires a PROXY header, which this peer may not send"}
	case w.out.Certificate != nil && w.out.Certificate.Refused:
		w.out.Reply = &explain.Reply{By: "the listener, whose TLS handshake ends with an alert"}
	case next != atRoute:
		w.out.Request = explain.Request{Method: to.Method, Target: to.Path, Host: q.Host(&to)}
		w.reply("the parser of requests")
	default:
		w.client()
		w.route()
	}
	return w.out, nil
}

// explaining is one explanation under way.
type explaining struct {
	x   *exchange
	out *explain.Explanation
	// replays: the request was served before, and it is asked in short what the table makes
	// of it, whatever the moment: see fate.
	replays bool
}

// reply notes the answer that the exchange has written.
func (w *explaining) reply(by string) {
	r := &explain.Reply{Status: w.x.status, By: by}
	if w.x.end != end.OK {
		r.Cause, r.Detail = w.x.end.Word(), w.x.end.Text()
	}
	var head wire.ResponseHead
	if n, err := head.Parse(w.x.answer, &wire.Limits{}, w.x.isHEAD); n > 0 && err == nil {
		r.Location = string(head.Lookup("location"))
	}
	w.out.Reply = r
}

// refuse notes an answer as reject would write it.
func (w *explaining) refuse(r *answer.Reject, by string) {
	w.x.staged = false // no stage sees it
	w.x.reject(r)
	w.reply(by)
}

// certificate says what the handshake would have shown.
func (w *explaining) certificate(s *setting) {
	p := w.x.policy.tls
	if p == nil {
		return
	}
	c := &explain.Certificate{ServerName: s.serverName}
	w.out.Certificate = c
	terms, refused := p.terms.Handshake(&tls.ClientHelloInfo{ServerName: s.serverName})
	c.MinVersion = tls.VersionName(terms.TCP.MinVersion)
	c.ClientAuth = map[tls.ClientAuthType]string{
		tls.NoClientCert: "none", tls.RequestClientCert: "request", tls.VerifyClientCertIfGiven: "request",
		tls.RequireAnyClientCert: "require", tls.RequireAndVerifyClientCert: "require",
	}[terms.TCP.ClientAuth]
	if c.Refused = refused; refused {
		c.Why = "no certificate is for the name, and unknown_sni is refuse: the handshake ends with an alert"
		return
	}
	choice, err := p.store.Explain(s.serverName)
	if err != nil {
		c.Refused, c.Why = true, err.Error()
		return
	}
	c.Name, c.File, c.NotAfter, c.Why = choice.Name, choice.File, choice.NotAfter, choice.Why
	if trouble := choice.Trouble(time.Now()); trouble != "" {
		c.Why += "; " + trouble
	}
}

// client says who is believed to ask, and how the request has come.
func (w *explaining) client() {
	x, p := w.x, w.x.policy
	c := explain.Client{Peer: addrText(x.c.ip), Client: addrText(x.clientAddr()), Field: "X-Forwarded-For"}
	hops := p.trusted.Walk(x.c.ip, &x.head.Head)
	if p.clientField != "" {
		c.Field, hops = p.clientField, p.trusted.WalkIn(p.clientField, x.c.ip, &x.head.Head)
	}
	for i := range hops {
		h := &hops[i]
		hop := explain.Hop{Address: h.Said, Trusted: h.Trusted}
		switch {
		case i == 0 && h.Trusted:
			hop.Address, hop.Says = c.Peer, "is the peer, whose "+c.Field+" is believed"
		case i == 0:
			hop.Address, hop.Says = c.Peer, "is the peer, and none of trusted_proxies: what it says of others is not believed"
		case !h.Address.IsValid():
			hop.Says = "is no address: what stands before it is not believed"
		case h.Trusted:
			hop.Says = "is one of trusted_proxies: it is looked further"
		default:
			hop.Says = "is the client"
		}
		c.Hops = append(c.Hops, hop)
	}
	w.out.Client = c
	w.out.Request = explain.Request{
		Method: string(x.head.Method), Host: string(x.head.Host), Target: string(x.head.Target), Query: string(x.head.Query),
		Protocol: x.protocol(), Scheme: string(x.scheme()),
	}
}

// addrText is an address for people; that of a unix socket is empty.
func addrText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// route says which route takes the request, and goes on with that.
func (w *explaining) route() {
	x := w.x
	r := x.match()
	w.out.Request.Path = string(x.path)
	switch {
	case r == nil && x.route == nil:
		x.options()
		w.reply("the proxy, about itself")
		return
	case r == answer.Misdirected:
		w.refuse(r, "the listener: the host has other certificates or terms than the name of the handshake")
		return
	case r != nil && x.path == nil:
		w.refuse(r, "the check of paths")
		return
	case x.route != nil && x.route == x.policy.challenge:
		w.out.Route = &explain.Route{Action: "challenge", Why: "an ACME server asks for this token"}
		x.challenge()
		w.reply("the keeper of certificates")
		return
	case x.route != nil && x.route == x.policy.toHTTPS:
		w.out.Route = &explain.Route{Action: "redirect", Why: "redirect_https of the listener goes before all routes"}
		x.redirect()
		w.reply("redirect_https of the listener")
		return
	}
	if w.replays {
		w.taken()
	} else {
		w.candidates()
	}
	switch {
	case x.route == nil:
		w.refuse(r, "the routes: none takes the request")
	case r != nil:
		w.refuse(r, "the proxy: TRACE is not forwarded")
	default:
		w.stages()
	}
}

// candidates are the routes that were tried.
func (w *explaining) candidates() {
	var q route.Query
	w.x.ask(&q)
	won := false
	winner := w.x.table.index.Explain(&q, func(s route.Step) {
		w.out.Candidates = append(w.out.Candidates, explain.Candidate{
			Route: s.Name, Host: s.Host, Path: s.Path, Verdict: string(s.Verdict),
			Predicate: s.Predicate, Value: s.Value, Reason: s.Reason,
		})
		if s.Verdict == route.Won {
			won = true
			w.out.Route = &explain.Route{Name: s.Name, Action: w.x.table.index.Description(s.Route).Action, Why: s.Reason}
		}
	})
	w.out.CandidatesCut = winner >= 0 && !won || len(w.out.Candidates) >= explain.CandidatesMax
	if winner >= 0 && !won {
		d := w.x.table.index.Description(winner)
		w.out.Route = &explain.Route{Name: d.Name, Action: d.Action, Why: "it is the first one that matches"}
	}
}

// stages says what the stages of the route would do, and goes on where they let it.
func (w *explaining) stages() {
	x := w.x
	if x.route.chain != nil {
		x.beginStages()
		say := x.route.chain.Explain
		if w.replays {
			say = x.route.chain.Replay
		}
		all, v := say(&x.call)
		by := ""
		for _, s := range all {
			w.out.Stages = append(w.out.Stages, explain.Stage{Name: s.Name, Type: s.Type, Outcome: string(s.Outcome), Says: s.Says})
			if s.Outcome == middleware.Answers || s.Outcome == middleware.Resets {
				by = "stage " + s.Name
			}
		}
		switch v { //nolint:exhaustive // explanations know no others
		case stage.Answered:
			w.answered(by)
			return
		case stage.Broken:
			w.out.Reply = &explain.Reply{Cause: x.call.Reply.End.Word(), Detail: x.call.Reply.End.Text(), By: by}
			return
		}
	}
	if !x.bound() {
		w.refuse(answer.BodyTooLarge, "the limit of content")
		return
	}
	w.act()
}

// answered notes the answer of a stage.
func (w *explaining) answered(by string) {
	r := &w.x.call.Reply
	to := bytes.Clone(w.x.call.Answer.Get(&locationName))
	if r.Reject != nil {
		w.refuse(r.Reject, by)
	} else {
		w.out.Reply = &explain.Reply{Status: r.Status, By: by}
		if r.End != end.OK {
			w.out.Reply.Cause, w.out.Reply.Detail = r.End.Word(), r.End.Text()
		}
	}
	w.out.Reply.Location = string(to)
}

var locationName = stage.NewName("Location")

// act says what the route does.
func (w *explaining) act() {
	x := w.x
	switch x.route.action {
	case actionForward:
		if w.replays {
			w.lots()
		} else {
			w.forward()
		}
	case actionRedirect:
		x.staged = false // no stage sees the answer
		x.redirect()
		w.reply("route " + x.route.name)
	case actionRespond:
		x.staged = false
		x.respond()
		w.reply("route " + x.route.name)
	case actionFiles:
		c := w.x.table.cfg.Routes[x.route.name]
		w.out.Reply = &explain.Reply{By: fmt.Sprintf("route %s: the file of %s below %s", x.route.name, x.target, c.Files.Root)}
	case actionChallenge:
	}
}

// forward says what a backend would see, and which.
func (w *explaining) forward() {
	x := w.x
	x.aim()
	x.prepare()
	c := x.table.cfg.Routes[x.route.name]
	f := &explain.Forward{
		Timeout: x.route.timeout, Attempts: max(c.Retry.Attempts, 1), RetryOn: c.Retry.On, Repeatable: x.safeToRepeat(),
	}
	w.out.Forward = f
	if x.staged && x.call.Timeout >= 0 {
		f.Timeout = x.call.Timeout
	}
	if h := x.route.hedge; h != nil && f.Repeatable {
		f.Hedge = fmt.Sprintf("after %s another backend is asked too, up to %d of them", c.Hedge.After, h.Max)
	}
	for _, s := range w.out.Stages {
		if s.Type == "mirror" && s.Outcome == string(middleware.Passes) {
			f.Mirror = s.Says
		}
	}
	shares, why := w.shares()
	for i, share := range shares {
		if share > 0 {
			w.pool(i, share, why)
		}
	}
	w.fields()
}

// shares are how likely each pool of the route is, and what decides.
func (w *explaining) shares() (shares []float64, why string) {
	x, r := w.x, w.x.route
	shares = make([]float64, len(r.pools))
	_, keyed := x.splitKey()
	switch {
	case r.split == nil:
		why = "it is the pool of the route"
	case x.fwd.again != nil:
		why = "the request belongs to one of its backends"
	case keyed:
		why = "split_on " + r.splitOn.String() + " leads to it"
	default:
		return drawnShares(r), "drawn by weight"
	}
	for i, p := range r.pools {
		if p == x.fwd.pool {
			shares[i] = 1
		}
	}
	return shares, why
}

// drawnShares are those of a split that is drawn: a pool that has nobody leaves its part to
// the others, unless none has anybody.
func drawnShares(r *routeEntry) []float64 {
	shares, sum := make([]float64, len(r.pools)), 0.
	for _, all := range []bool{false, true} {
		for i, p := range r.pools {
			if all || p.Serves() {
				shares[i] = float64(r.split.Weight(i))
				sum += shares[i]
			}
		}
		if sum > 0 {
			break
		}
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

// pool says whom a pool of the route would pick. The first one that is sure, or likely, is
// the backend whose Host is shown.
func (w *explaining) pool(i int, share float64, why string) {
	x, p := w.x, w.x.route.pools[i]
	q, hashOn := x.fwd.query, ""
	if q.Hash = 0; p.hashes {
		q.Hash, hashOn = x.hash(p.HashOn()), p.HashOn().String()
	}
	f, s := p.Foresee(q), p.Status()
	e := explain.NewPool(&s, &f, hashOn)
	e.Share, e.Why = share, why
	if m := x.fwd.again; m != nil && p == x.fwd.pool {
		e.Pick, e.Cause, e.PickWhy = m.Address(), "", "a stage has chosen it"
		if m == x.fwd.stuck {
			e.PickWhy = "the cookie " + p.sticky.Name + " of the client names it"
		}
	}
	first := len(w.out.Forward.Pools) == 0
	w.out.Forward.Pools = append(w.out.Forward.Pools, e)
	if e.Cause != "" && share == 1 {
		cause, after := p.Unavailable()
		w.unavailable(answer.Unavailable(cause, after), e.Name)
	}
	if m := p.Member(likeliest(&e)); m != nil && first {
		x.nameHost(m)
	}
}

// unavailable notes the answer where nobody can be picked.
func (w *explaining) unavailable(r *answer.Reject, pool string) {
	w.out.Reply = &explain.Reply{Status: r.Status, Cause: r.End.Word(), Detail: r.End.Text(), By: "pool " + pool}
}

// likeliest is the address of the member that is sure to be picked, or likeliest.
func likeliest(p *explain.Pool) string {
	address, most := p.Pick, 0.
	for i := range p.Members {
		if m := &p.Members[i]; p.Pick == "" && m.Up && (address == "" || m.Share > most) {
			address, most = m.Address, m.Share
		}
	}
	return address
}

// shownAlways are fields that stages make of what the request itself says.
var shownAlways = map[string]bool{
	"x-forwarded-prefix": true, "x-forwarded-port": true, "x-real-ip": true, "x-request-id": true,
	"x-forwarded-for": true, "x-forwarded-proto": true, "x-forwarded-host": true,
}

// hiddenValue stands for what is not shown.
const hiddenValue = "***"

// fields reads the head that the backend would get.
func (w *explaining) fields() {
	f := w.out.Forward
	made := map[string]bool{}
	if w.x.staged {
		for line := range strings.Lines(string(w.x.call.Request.Added())) {
			name, _, _ := strings.Cut(line, ":")
			made[strings.ToLower(name)] = true
		}
	}
	first, rest, _ := strings.Cut(string(w.x.out), "\r\n") // as prepare writes it, whatever a stage has made of Host
	f.Method, first, _ = strings.Cut(first, " ")
	f.Target, _, _ = strings.Cut(first, " ")
	for line := range strings.SplitSeq(strings.TrimRight(rest, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch lower := strings.ToLower(name); {
		case lower == "host":
			f.Host = value
			continue
		case made[lower] && !shownAlways[lower]:
			value = hiddenValue
		}
		f.Fields = append(f.Fields, explain.Field{Name: name, Value: value})
	}
}
