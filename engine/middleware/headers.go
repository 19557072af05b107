package middleware

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// headers changes field lines: first it removes, then it replaces, then come defaults,
// and what is set and added.
type headers struct {
	request   []rule
	response  []rule
	forwarded forwardedFields
	statuses  statuses // of answers; empty is all
}

// rule is one change of the fields of one name.
type rule struct {
	how   change
	name  stage.Name
	value stage.Text
	regex *regexp.Regexp
	with  stage.Text
}

type change uint8

const (
	changeRemove change = iota
	changeReplace
	changeDefault
	changeSet
	changeAdd
	// Host is no field like others: there is one, and its value is checked.
	changeHost
	replaceHost
)

// forwardedFields are what other proxies tell of the client.
type forwardedFields struct{ port, prefix, realIP bool }

var (
	forwardedPort   = stage.NewName("X-Forwarded-Port")
	forwardedPrefix = stage.NewName("X-Forwarded-Prefix")
	realIP          = stage.NewName("X-Real-IP")
)

func newHeaders(k *config.StageHeaders, _ *Place) (any, error) {
	h := &headers{}
	q, r := &k.Request, &k.Response
	var err error
	for _, word := range q.Forwarded {
		h.forwarded.port = h.forwarded.port || word == "port"
		h.forwarded.prefix = h.forwarded.prefix || word == "prefix"
		h.forwarded.realIP = h.forwarded.realIP || word == "real_ip"
	}
	request := edits{remove: q.Remove, preset: q.Default, set: q.Set, add: q.Add, spelled: true}
	for _, e := range q.Replace {
		request.replace = append(request.replace, config.ResponseReplace(e))
	}
	if h.request, err = request.compile(); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	response := edits{remove: r.Remove, replace: r.Replace, preset: r.Default, set: r.Set, add: r.Add}
	if h.response, err = response.compile(); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	if h.statuses, err = parseStatuses(k.WhenStatus); err != nil {
		return nil, fmt.Errorf("when_status: %w", err)
	}
	if len(h.response) == 0 {
		return (*requestHeaders)(h), nil
	}
	return h, nil
}

// requestHeaders is a headers stage that has nothing to say of answers.
type requestHeaders headers

// Request changes the fields that a backend sees.
func (h *requestHeaders) Request(c *stage.Call) stage.Verdict { return (*headers)(h).Request(c) }

// edits are changes as a configuration has them.
type edits struct {
	remove           []string
	replace          []config.ResponseReplace
	preset, set, add map[string]string
	spelled          bool // what is removed, or gives way, is so in all spellings
}

func (e *edits) compile() (rules []rule, err error) {
	for _, name := range e.remove {
		rules = append(rules, rule{how: changeRemove, name: e.old(name)})
	}
	for _, from := range e.replace {
		r := rule{how: changeReplace, name: stage.NewName(from.Name)}
		if r.regex, err = regexp.Compile(from.Regex); err != nil {
			return nil, fmt.Errorf("replace: %w", err)
		}
		if r.with, err = stage.NewReplacement(from.With, r.regex); err != nil {
			return nil, fmt.Errorf("replace: %w", err)
		}
		if r.name.ID() == wire.FieldHost {
			r.how = replaceHost
		}
		rules = append(rules, r)
	}
	for _, of := range []struct {
		how change
		all map[string]string
	}{{changeDefault, e.preset}, {changeSet, e.set}, {changeAdd, e.add}} {
		for _, name := range slices.Sorted(maps.Keys(of.all)) {
			r := rule{how: of.how, name: stage.NewName(name)}
			if of.how == changeSet {
				r.name = e.old(name)
			}
			if isUnneeded(r.name.ID(), of.how) {
				continue
			}
			if r.value, err = stage.NewAnswerText(of.all[name]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if r.name.ID() == wire.FieldHost {
				r.how = changeHost
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// old is the name of fields that go.
func (e *edits) old(name string) stage.Name {
	if e.spelled {
		return stage.NewName(name).Spelled()
	}
	return stage.NewName(name)
}

// isUnneeded reports a field that configurations of other proxies set, and that the proxy
// writes itself where it is due; or a default for Host, which all requests have.
func isUnneeded(id wire.FieldID, how change) bool {
	return id == wire.FieldConnection || id == wire.FieldUpgrade || id == wire.FieldHost && how == changeDefault
}

// Request changes the fields that a backend sees.
func (h *headers) Request(c *stage.Call) stage.Verdict {
	h.forwarded.add(c)
	for i := range h.request {
		h.request[i].apply(&c.Request, c)
	}
	return stage.Next
}

// Response changes the fields that the client sees.
func (h *headers) Response(c *stage.Call) stage.Verdict {
	if h.statuses.has(c.Status) {
		for i := range h.response {
			h.response[i].apply(&c.Answer, c)
		}
	}
	return stage.Next
}

func (r *rule) apply(f *stage.Fields, c *stage.Call) {
	switch r.how {
	case changeRemove:
		f.Remove(&r.name)
	case changeReplace:
		r.replace(f, c)
	case changeDefault:
		if f.Get(&r.name) == nil && (f != &c.Request || c.Field(&r.name) == nil) {
			f.SetText(&r.name, &r.value, c)
		}
	case changeSet:
		f.SetText(&r.name, &r.value, c)
	case changeAdd:
		f.AddText(&r.name, &r.value, c)
	case changeHost:
		c.SetHost(&r.value)
	case replaceHost:
		host := c.Host
		if host == nil {
			host = c.Head.Host
		}
		if r.regex.Match(host) { // else nobody has set it: pools may
			c.SetAuthority(c.ReplaceAll(nil, host, r.regex, &r.with))
		}
	}
}

// replacesMax bounds the lines of one name that a rule rewrites; those behind them stay as
// they are.
const replacesMax = 64

// replace rewrites the values that the expression matches. Where it does not match, which
// is the rule, nothing is allocated.
func (r *rule) replace(f *stage.Fields, c *stage.Call) {
	found := false
	f.Each(&r.name, func(value []byte) bool {
		found = r.regex.Match(value)
		return !found
	})
	if !found {
		return
	}
	var values [][]byte
	f.Each(&r.name, func(value []byte) bool {
		if len(values) < replacesMax {
			values = append(values, c.ReplaceAll(nil, value, r.regex, &r.with))
		} else {
			values = append(values, bytes.Clone(value))
		}
		return true
	})
	f.Remove(&r.name)
	for _, value := range values {
		f.Add(&r.name, value)
	}
}

func (o forwardedFields) add(c *stage.Call) {
	if o.realIP {
		c.Scratch = appendAddr(c.Scratch[:0], c.Client())
		c.Request.Set(&realIP, c.Scratch)
	}
	if o.port && c.Port() != 0 && c.Request.Get(&forwardedPort) == nil {
		c.Scratch = strconv.AppendUint(c.Scratch[:0], uint64(c.Port()), 10)
		c.Request.Set(&forwardedPort, c.Scratch)
	}
	if o.prefix && c.Prefix != nil && c.Request.Get(&forwardedPrefix) == nil {
		c.Request.Set(&forwardedPrefix, c.Prefix)
	}
}

// appendAddr appends an address, as fields tell that of a unix socket, too.
func appendAddr(dst []byte, ip netip.Addr) []byte {
	if !ip.IsValid() {
		return append(dst, "unknown"...)
	}
	return ip.AppendTo(dst)
}

// statuses is a set of status codes; the zero value is all of them.
type statuses struct{ ranges [][2]int }

func parseStatuses(texts []string) (s statuses, err error) {
	for _, text := range texts {
		low, high, isRange := strings.Cut(text, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 != nil || err2 != nil || from > to {
			return statuses{}, fmt.Errorf("%q is no status and no range of them", text) //nolint:err113 // for people
		}
		s.ranges = append(s.ranges, [2]int{from, to})
	}
	return s, nil
}

func (s *statuses) has(status int) bool {
	for _, r := range s.ranges {
		if status >= r[0] && status <= r[1] {
			return true
		}
	}
	return len(s.ranges) == 0
}
