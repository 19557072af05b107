package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Widths of what explain shows: of labels, and of what stands below one.
const (
	labelWidth = 12
	itemIndent = 4
	// textWidthMin is how narrow a text may become.
	textWidthMin = 12
)

// candidatesShown is how many routes that were tried the table holds; JSON and YAML hold all.
const candidatesShown = 20

// showExplanation shows, in the order in which an exchange meets them, who decides what.
// Nothing is cut: what does not fit goes on in the next line.
func showExplanation(s *screen, q *api.ExplainRequest, e *api.Explanation) {
	asked := q.URL
	if q.Method != "" {
		asked = q.Method + " " + asked
	}
	s.wrap("", 0, asked)
	if e.Candidate {
		s.wrap("", 0, "with another configuration than the one that runs")
	}
	s.wrap("", 0, e.Summary)
	s.blank()
	l := &e.Listener
	s.entry("listener", fmt.Sprintf("%s at %s: %s", l.Name, l.Address, l.Why))
	if c := e.Certificate; c != nil {
		s.entry("certificate", certificateText(c))
	}
	showClient(s, &e.Client)
	showTarget(s, &e.Request)
	if len(e.Candidates) > 0 {
		s.entry("routes", "in the order in which they are tried")
		showCandidates(s, e)
	}
	if r := e.Route; r != nil {
		s.entry("route", strings.TrimLeft(r.Name+": "+r.Action, ": "))
	}
	if len(e.Middleware) > 0 {
		s.entry("stages", "in their order")
		for i := range e.Middleware {
			m := &e.Middleware[i]
			s.wrap(stageMark(m.Outcome), itemIndent, fmt.Sprintf("%s (%s) %s: %s", m.Name, m.Type, m.Outcome, m.Says))
		}
	}
	if e.Forward != nil {
		showForward(s, e.Forward)
	}
	if a := e.Answer; a != nil {
		s.entry("answer", answerText(a))
	}
}

func certificateText(c *api.ExplainedCertificate) string {
	text := c.Why
	if c.Name != "" {
		text = c.Name
		if c.File != "" {
			text += " of " + c.File
		}
		if c.NotAfter != nil {
			text += ", good until " + c.NotAfter.UTC().Format(time.DateOnly)
		}
		text += ": " + c.Why
	}
	if c.ServerName != "" {
		text = "for " + c.ServerName + ": " + text
	}
	if c.ClientAuth != "" && c.ClientAuth != "none" {
		text += fmt.Sprintf("; a certificate of the client: %s", c.ClientAuth)
	}
	return text
}

func showClient(s *screen, c *api.ExplainedClient) {
	switch {
	case len(c.Hops) == 0:
		return
	case c.Client == "":
		s.entry("client", "of a unix socket, without an address")
		return
	}
	s.entry("client", c.Client)
	for i := range c.Hops {
		s.wrap("", itemIndent, c.Hops[i].Address+" "+c.Hops[i].Says)
	}
}

func showTarget(s *screen, r *api.ExplainedRequest) {
	if r.Path == "" {
		return
	}
	sent, _, _ := strings.Cut(r.Target, "?")
	if sent == r.Path {
		s.entry("path", r.Path)
		return
	}
	s.entry("path", fmt.Sprintf("%s, which is matched as %s", sent, r.Path))
}

func showCandidates(s *screen, e *api.Explanation) {
	shown := e.Candidates
	if len(shown) > candidatesShown { // the last ones tell most
		s.wrap("", itemIndent, fmt.Sprintf("(%d more before these)", len(shown)-candidatesShown))
		shown = shown[len(shown)-candidatesShown:]
	}
	for i := range shown {
		c := &shown[i]
		s.wrap(map[string]string{"won": "  +", "failed": "  -"}[c.Verdict], itemIndent,
			fmt.Sprintf("%s (%s %s) %s: %s", c.Route, c.Host, c.Path, c.Verdict, c.Reason))
	}
	if e.CandidatesCut {
		s.wrap("", itemIndent, "(and more, which are not shown)")
	}
}

func stageMark(outcome string) string {
	return "  " + map[string]string{"passes": "+", "answers": "!", "resets": "!", "unsure": "?", "skipped": "-", "unreached": "-"}[outcome]
}

func showForward(s *screen, f *api.ExplainedForward) {
	s.entry("backend", "sees")
	s.wrap("", itemIndent, f.Method+" "+f.Target)
	s.wrap("", itemIndent, "Host: "+f.Host)
	for _, h := range f.Headers {
		s.wrap("", itemIndent, h.Name+": "+h.Value)
	}
	for i := range f.Pools {
		showExplainedPool(s, &f.Pools[i])
	}
	retry := fmt.Sprintf("up to %d tries, after %s", f.Attempts, strings.Join(f.RetryOn, ", "))
	if f.Attempts == 1 {
		retry = "none"
	} else if !f.Repeatable {
		retry += "; nothing is sent again once something was, as the method may not be repeated"
	}
	s.entry("retry", retry)
	if f.TimeoutSeconds > 0 {
		s.entry("timeout", time.Duration(f.TimeoutSeconds*float64(time.Second)).String()+" until the answer begins")
	}
	if f.Hedge != "" {
		s.entry("hedge", f.Hedge)
	}
	if f.Mirror != "" {
		s.entry("mirror", f.Mirror)
	}
}

func showExplainedPool(s *screen, p *api.ExplainedPool) {
	text := fmt.Sprintf("%s: %s", p.Name, p.Why)
	if p.Share < 1 {
		text = fmt.Sprintf("%s, %s of the requests: %s", p.Name, shareText(&p.Share), p.Why)
	}
	s.entry("pool", text)
	pick := p.Algorithm + ": " + p.PickWhy
	if p.Pick != "" {
		pick = p.Pick + ": " + p.PickWhy
	}
	if p.Cause != "" {
		pick += " (" + p.Cause + ")"
	}
	s.entry("pick", pick)
	if p.Panic {
		s.entry("", "panic: too few backends are healthy, so health is ignored")
	}
	if p.Limit != "" {
		s.entry("limit", p.Limit)
	}
	t := table{columns: []column{
		{title: "    BACKEND", min: 12},
		{title: "STATUS"},
		{title: "HEALTH", prose: true, min: 4, drop: 2},
		{title: "BREAKER", drop: 1, silent: "closed"},
		{title: "WEIGHT", right: true, drop: 3},
		{title: titleInFlight, right: true, drop: 4},
		{title: "SHARE", right: true},
	}}
	for i := range p.Backends {
		b := &p.Backends[i]
		status := cell{"UP", green}
		switch {
		case b.State != api.BackendEnabled:
			status = cell{strings.ToUpper(b.State), yellow}
		case !b.Up:
			status = cell{"DOWN", red}
		}
		t.row(c("    "+b.Address), status, c(b.Health), c(b.Breaker), c(strconv.Itoa(b.Weight)), c(count(b.InFlight)), c(shareText(b.Share)))
	}
	t.draw(s, "    no backends")
	if p.BackendsCut > 0 {
		s.wrap("", itemIndent, fmt.Sprintf("(and %d more)", p.BackendsCut))
	}
}

// shareText is a part for people; one that is not known is a question mark.
func shareText(share *float64) string {
	if share == nil {
		return "?"
	}
	return strconv.FormatFloat(*share*100, 'f', 1, 64) + "%"
}

func answerText(a *api.ExplainedAnswer) string {
	var parts []string
	switch {
	case a.Status != 0:
		parts = append(parts, strconv.Itoa(a.Status))
	case a.Cause != "":
		parts = append(parts, "none")
	}
	if a.Cause != "" {
		parts = append(parts, a.Cause)
	}
	if a.Location != "" {
		parts = append(parts, "Location: "+a.Location)
	}
	text := strings.Join(append(parts, "by "+a.By), ", ")
	if a.Detail != "" {
		text += " (" + a.Detail + ")"
	}
	return text
}

// entry writes a label with a text beside it.
func (s *screen) entry(label, text string) { s.wrap(label, labelWidth, text) }

// wrap writes a text beside a mark of so many characters, in as many lines as it takes.
func (s *screen) wrap(mark string, indent int, text string) {
	width := max(s.width-indent, min(textWidthMin, s.width))
	if width+indent > s.width { // too narrow: the mark stands alone
		if mark != "" {
			s.linef("%s", mark)
		}
		mark, indent = "", max(0, s.width-width)
	}
	for i, line := range wrapped(strings.ReplaceAll(printable(text), "\n", " "), width) {
		if i > 0 {
			mark = ""
		}
		s.buf.WriteString(strings.TrimRight(mark+strings.Repeat(" ", max(0, indent-utf8.RuneCountInString(mark)))+line, " "))
		s.buf.WriteByte('\n')
	}
}

// wrapped is a text in lines of at most so many characters, at blanks where there are any.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		for utf8.RuneCountInString(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			runes := []rune(word)
			lines, word = append(lines, string(runes[:width])), string(runes[width:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}
