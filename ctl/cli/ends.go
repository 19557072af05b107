package cli

import (
	"strings"

	"github.com/isame-lb/isame-lb/pool/end"
)

// endReport is one end as JSON.
type endReport struct {
	Cause  string   `json:"cause"`
	Side   string   `json:"side"`
	Phases []string `json:"phases"`
	// ProxyStatus is the type of error in Proxy-Status (RFC 9209).
	ProxyStatus string `json:"proxy_status,omitempty"`
	Meaning     string `json:"meaning"`
	Advice      string `json:"advice,omitempty"`
}

// listEnds shows every way in which a request may end. It asks nobody.
func (a *app) listEnds() error {
	list := make([]endReport, 0, end.Ends)
	for e := range end.Ends {
		r := endReport{Cause: e.Word(), Side: e.Side().String(), ProxyStatus: e.ProxyError(), Meaning: e.Text(), Advice: e.Advice()}
		for p := range e.Under() {
			r.Phases = append(r.Phases, p.String())
		}
		list = append(list, r)
	}
	return a.print(list, func(s *screen) {
		s.paragraph("", "Each request ends in one of these ways: the word is the same in X-Isame-Error, in the access log, in metrics and "+
			"here. In brackets stand whose doing it is, and how far the request has come.")
		for i := range list {
			r := &list[i]
			s.blank()
			s.paragraph("", r.Cause+" ("+r.Side+": "+strings.Join(r.Phases, ", ")+")")
			s.paragraph("Means", r.Meaning)
			if r.Advice != "" {
				s.paragraph("To do", r.Advice)
			}
		}
	})
}
