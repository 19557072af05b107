package middleware

import (
	"fmt"
	"strconv"

	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// Outcome is what a stage would do with a request, as far as that can be said without
// doing it.
type Outcome string

// The outcomes of a stage.
const (
	// Passes: the request goes on.
	Passes Outcome = "passes"
	// Answers: the stage ends it with an answer.
	Answers Outcome = "answers"
	// Resets: the stage ends it without an answer.
	Resets Outcome = "resets"
	// Unsure: chance, or somebody who is not asked, decides. What follows takes it for passed.
	Unsure Outcome = "unsure"
	// Skipped: its when or its unless leaves the request out.
	Skipped Outcome = "skipped"
	// Unreached: a stage before it ends the request.
	Unreached Outcome = "unreached"
)

// Explained is one stage of a chain.
type Explained struct {
	Name, Type string
	Outcome    Outcome
	// Says is one sentence about it.
	Says string
}

// explainer is a stage that can say what it would do with a request. It changes the call as
// Request does, and nothing that another request could notice: it counts nothing, takes
// nothing, waits for nothing and asks nobody.
type explainer interface {
	explain(c *stage.Call) said
}

// said is what a stage says of itself: Next, Answered or Broken, and why. Where it is unsure
// it is Next.
type said struct {
	v      stage.Verdict
	unsure bool
	text   string
}

func goesOn(text string) said { return said{text: text} }

func undecided(text string) said { return said{unsure: true, text: text} }

// Explain goes through the stages as Request does, without doing what they do: see
// explainer. The verdict is that of the whole chain. It allocates, and is for people.
func (ch *Chain) Explain(c *stage.Call) (all []Explained, v stage.Verdict) {
	return ch.explain(c, false)
}

// explain is Explain or, where asked, Replay.
func (ch *Chain) explain(c *stage.Call, replays bool) (all []Explained, v stage.Verdict) {
	for i := range ch.links {
		l, a := &ch.links[i], &ch.about[i]
		e := Explained{Name: a.name, Type: a.kind, Outcome: Unreached, Says: "a stage before it ends the request"}
		c.SetAt(i)
		if v == stage.Next {
			v = l.explain(c, &e, replays)
		}
		if e.Outcome == Passes || e.Outcome == Unsure {
			c.Pass(i)
		}
		all = append(all, e)
	}
	return all, v
}

func (l *link) explain(c *stage.Call, e *Explained, replays bool) stage.Verdict {
	if why := l.closed(c); why != "" {
		e.Outcome, e.Says = Skipped, why
		return stage.Next
	}
	e.Outcome = Passes
	if l.requester == nil {
		e.Says = aboutAnswers(l.responder)
		return stage.Next
	}
	by, can := l.requester.(explainer)
	if !can {
		e.Outcome, e.Says = Unsure, "what it does is known only when it runs"
		return stage.Next
	}
	say := by.explain
	if again, can := l.requester.(replayer); can && replays {
		say = again.replay
	}
	s := say(c)
	e.Says = s.text
	switch {
	case s.unsure:
		e.Outcome = Unsure
		return stage.Next
	case s.v == stage.Answered:
		e.Outcome = Answers
	case s.v == stage.Broken:
		e.Outcome = Resets
	}
	return s.v
}

// closed says why the stage is not for this request, "" where it is: runs, in words.
func (l *link) closed(c *stage.Call) string {
	if l.runs(c) {
		return ""
	}
	q := match.Request{Host: c.Head.Host, Method: c.Head.Method, Path: c.Path, RawQuery: c.Head.Query, Facts: c}
	for i := range l.gates {
		switch g := &l.gates[i]; {
		case !g.when.IsEmpty() && !g.when.Holds(&q):
			return "its when does not hold: " + g.when.Reason(&q)
		case !g.unless.IsEmpty() && g.unless.Holds(&q):
			return "its unless holds"
		}
	}
	return "it is for other requests"
}

// aboutAnswers is about a stage that has nothing to say of requests.
func aboutAnswers(r stage.Responder) string {
	switch r.(type) {
	case *cookies:
		return "changes the cookies of answers"
	case *errorPages:
		return "gives answers that are errors a page of its own"
	case *securityHeaders:
		return "puts fields about security into answers"
	}
	return "looks at the answer only"
}

// replyText is how a stage has answered: the status, and the cause where there is one.
func replyText(c *stage.Call) string {
	r := &c.Reply
	if r.Reject != nil {
		return fmt.Sprintf("%d (%s)", r.Reject.Status, r.Reject.End.Word())
	}
	return strconv.Itoa(r.Status)
}

// percentText is a share for people, of numbers of 64 bits that are below one.
func percentText(below uint64, all bool) string {
	if all {
		return "100%"
	}
	return strconv.FormatFloat(100*float64(below)/(1<<64), 'g', 4, 64) + "%"
}
