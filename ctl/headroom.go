package ctl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func (s *Server) headroomEndpoints() []endpoint {
	return []endpoint{{method: methodGet, pattern: "/api/v1/headroom", role: api.RoleRead, serve: s.headroom, doc: operation{
		id: "headroom", summary: "How much more load this instance takes before its tail breaks, and which limit comes first",
		answers: answers{200: api.Headroom{}},
	}}}
}

func (s *Server) headroom(x *call) error {
	if s.opts.Sources.Headroom == nil {
		return notSupported("headroom")
	}
	h := s.opts.Sources.Headroom()
	h.Limits = filled(h.Limits)
	for i := range h.Limits {
		h.Limits[i].Says = limitText(&h.Limits[i])
	}
	h.Summary = headroomSummary(h)
	return x.answer(h)
}

// headroomBrief is what a status has of it.
func headroomBrief(h *api.Headroom) *api.HeadroomBrief {
	b := &api.HeadroomBrief{Concluded: h.Concluded, Times: h.Times, Low: h.Low, High: h.High, Summary: cannotTell(h)}
	if h.Concluded && len(h.Limits) > 0 {
		first := &h.Limits[0]
		b.Limit, b.Name = first.Limit, first.Name
		b.Summary = rangeText(h.Times, h.Low, h.High) + " of the present load; first limit: " + limitName(first)
	}
	return b
}

func cannotTell(h *api.Headroom) string { return "cannot tell yet: " + h.Missing }

// headroomSummary says in words how much more load there may be.
func headroomSummary(h *api.Headroom) string {
	if !h.Concluded || len(h.Limits) == 0 {
		text := cannotTell(h)
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	first := &h.Limits[0]
	text := "This instance takes " + rangeText(h.Times, h.Low, h.High) + " of the present " + grouped(h.RequestsPerSecond) +
		" requests a second, until " + untilText(h, first) + ". First limit: " + limitText(first) + "."
	if len(h.Limits) > 1 && h.Limits[1].Concluded {
		next := &h.Limits[1]
		text += " Next: " + limitText(next) + ", " + rangeText(next.Times, next.Low, next.High) + "."
	}
	if h.TargetBeyond {
		text += " Backends alone take longer than headroom.target_p99, so that it does not count here."
	}
	return text
}

// untilText is what happens at a limit.
func untilText(h *api.Headroom, l *api.HeadroomLimit) string {
	if l.Limit != limitProcessors && l.Limit != limitShard {
		return "that is reached"
	}
	if h.TargetMS == nil {
		return "they are used up"
	}
	text := "p99 passes " + inWords(*h.TargetMS)
	if !h.TargetConfigured || h.TargetBeyond {
		text += " (5 x of now)"
	}
	return text
}

// The words of limits that are spoken of in a way of their own.
const (
	limitProcessors = "processors"
	limitShard      = "shard"
	limitMemory     = "memory"
)

// limitName is a limit in words, without its use.
func limitName(l *api.HeadroomLimit) string {
	switch l.Limit {
	case limitShard:
		return "the busiest event loop"
	case "connections":
		return "connections of listener " + l.Name
	case "pool_requests":
		return "requests in progress in pool " + l.Name
	case "backend_requests":
		return "requests at backends of pool " + l.Name
	case "backend_connections":
		return "connections to the busiest backend of pool " + l.Name
	case "backend_ports":
		return "local ports to the busiest backend of pool " + l.Name
	}
	return l.Limit
}

// limitText is a limit with its use.
func limitText(l *api.HeadroomLimit) string {
	switch l.Limit {
	case limitProcessors, limitShard:
		return limitName(l) + " (" + percent(l.Use/max(l.Most, 1e-9)) + " used)"
	case limitMemory:
		const megabyte = 1 << 20
		return fmt.Sprintf("memory (%s of %s MiB)", grouped(l.Use/megabyte), grouped(l.Most/megabyte))
	}
	return fmt.Sprintf("%s (%s of %s)", limitName(l), grouped(l.Use), grouped(l.Most))
}

// rangeText is a range as 2.3 x (2.0-2.6).
func rangeText(times, low, high *float64) string {
	switch {
	case times == nil:
		return "?"
	case *times >= timesTold:
		return "more than " + strconv.Itoa(timesTold) + " x"
	case low == nil || high == nil:
		return times1(*times) + " x"
	case *high >= timesTold:
		return times1(*times) + " x (at least " + times1(*low) + ")"
	}
	return times1(*times) + " x (" + times1(*low) + "-" + times1(*high) + ")"
}

// timesTold is the most that is said in words.
const timesTold = 100

// times1 is how many times, as times has it, and with two digits where one would round much.
func times1(x float64) string {
	if x < 2 {
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return times(x)
}

// grouped is a number with commas; below ten it has a digit more.
func grouped(x float64) string {
	if x < 9.95 && x > 0.05 {
		return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
	}
	digits := strconv.FormatFloat(x, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
