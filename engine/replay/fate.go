package replay

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
)

// Forwarded is the answer where a backend gives it, Closed where nobody listens.
const (
	Forwarded = "forwarded"
	Closed    = "nobody listens there any more"
)

// Fate is what becomes of a request, as far as tables may differ about it.
type Fate struct {
	// Route is empty where none takes it, Pool where no backend is asked. A split that is
	// drawn has all its pools, with their shares.
	Route, Pool string
	Stages      []Stage
	// Answer is Forwarded, or the status and the cause of an answer of the proxy.
	Answer, Location string
}

// Stage is one stage, and what it does.
type Stage struct{ Name, Outcome string }

// FateOf is an explanation in short.
func FateOf(e *explain.Explanation) Fate {
	f := Fate{Answer: Forwarded}
	if e.Route != nil {
		f.Route = e.Route.Name
	}
	for _, s := range e.Stages {
		f.Stages = append(f.Stages, Stage{Name: s.Name, Outcome: s.Outcome})
	}
	if e.Forward != nil {
		pools := make([]string, 0, len(e.Forward.Pools))
		for i := range e.Forward.Pools {
			p := &e.Forward.Pools[i]
			text := p.Name
			if p.Share < 1 {
				text = fmt.Sprintf("%s %.4g%%", p.Name, 100*p.Share)
			}
			pools = append(pools, text)
		}
		f.Pool = strings.Join(pools, ", ")
	}
	if r := e.Reply; r != nil {
		f.Answer, f.Location = answerText(r), r.Location
	}
	if c := e.Certificate; c != nil && c.ClientAuth == "require" {
		f.Answer += ", for clients with a certificate"
	}
	return f
}

// answerText is an answer of the proxy in short.
func answerText(r *explain.Reply) string {
	switch {
	case r.Status == 0 && r.Cause == "":
		return "a file"
	case r.Status == 0:
		return "no answer: " + r.Cause
	case r.Cause != "":
		return strconv.Itoa(r.Status) + " " + r.Cause
	}
	return strconv.Itoa(r.Status)
}

// stagesText are the stages of a request that run, in their order. changed are those that
// are defined otherwise in the other table.
func stagesText(all []Stage, changed map[string]bool) string {
	texts := make([]string, 0, len(all))
	for _, s := range all {
		text := s.Name
		switch s.Outcome {
		case string(middleware.Skipped), string(middleware.Unreached):
			continue
		case string(middleware.Answers), string(middleware.Resets):
			text += " " + s.Outcome
		}
		if changed[s.Name] {
			text += " (changed)"
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
