package record

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// Filter is which records are wanted: those that everything holds for which is said. The
// zero value is all.
type Filter struct {
	// ID is a whole request id, or the first 16 bytes of a longer one.
	ID string
	// Route, Pool and Backend are names; a backend is any that was asked.
	Route, Pool, Backend string
	// Ends are the ends that are wanted; none is all.
	Ends []end.End
	// Errors wants what has ended badly, or with a status of 500 and above.
	Errors bool
	// StatusFrom and StatusTo are the first and the last status; 0 is any.
	StatusFrom, StatusTo int
	Method, Host         string
	// Client is a network that the client belongs to; invalid is any.
	Client netip.Prefix
	// Since and Until bound when the exchange ended; zero is no bound.
	Since, Until time.Time
	// Slower is the least time that it took.
	Slower time.Duration
}

// matcher is a filter in terms of records.
type matcher struct {
	*Filter

	sum                  uint64
	route, pool, backend uint32
	ends                 [end.Ends]bool
	since, until         int64
	host                 string
}

// match makes a matcher; false: a name that no record can have.
func (c *Recorder) match(f *Filter) (m matcher, ok bool) {
	m = matcher{Filter: f, sum: maphash.String(seed, f.ID), host: f.Host}
	for _, name := range []struct {
		text string
		into *uint32
	}{{f.Route, &m.route}, {f.Pool, &m.pool}, {f.Backend, &m.backend}} {
		if name.text == "" {
			continue
		}
		if *name.into = c.Names.of(name.text); *name.into == 0 {
			return m, false
		}
	}
	for _, e := range f.Ends {
		m.ends[e] = true
	}
	if !f.Since.IsZero() {
		m.since = f.Since.UnixNano()
	}
	if !f.Until.IsZero() {
		m.until = f.Until.UnixNano()
	}
	if len(m.host) > hostRoom {
		m.host = m.host[:hostRoom]
	}
	return m, true
}

// wants reports that everything holds for r. What costs least is asked first.
func (m *matcher) wants(r *Record) bool {
	return (m.ID == "" || r.hasID(m.ID, m.sum)) && m.wantsNames(r) && m.wantsEnd(r) && m.wantsTime(r) &&
		(!m.Client.IsValid() || m.Client.Contains(r.clientAddr())) &&
		(m.Method == "" && m.host == "" || m.wantsTexts(r))
}

// wantsNames is wants for where the request went.
func (m *matcher) wantsNames(r *Record) bool {
	return (m.route == 0 || r.Route == m.route) && (m.pool == 0 || r.Pool == m.pool) && (m.backend == 0 || r.asked(m.backend))
}

// wantsEnd is wants for how it ended.
func (m *matcher) wantsEnd(r *Record) bool {
	return (len(m.Ends) == 0 || m.ends[min(r.End, end.Ends-1)]) && (!m.Errors || r.isError()) &&
		int(r.Status) >= m.StatusFrom && (m.StatusTo == 0 || int(r.Status) <= m.StatusTo)
}

// wantsTime is wants for when it ended, and how long it took.
func (m *matcher) wantsTime(r *Record) bool {
	return r.Took >= int64(m.Slower) && (m.since == 0 || r.ended() >= m.since) && (m.until == 0 || r.ended() <= m.until)
}

// wantsTexts is wants for method and host. A host that was cut is the one that is wanted
// where both begin alike.
func (m *matcher) wantsTexts(r *Record) bool {
	method, host, _ := r.texts()
	if m.Method != "" && m.Method != string(method) {
		return false
	}
	if m.host == "" {
		return true
	}
	isCut := r.Flags&hostCut != 0
	return isCut == (len(m.Host) > hostRoom) &&
		(strings.EqualFold(m.host, string(host)) || !isCut && strings.EqualFold(m.host, withoutPort(string(host))))
}

// withoutPort is a host without the port that may stand behind it.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 1 || strings.Trim(host[i+1:], "0123456789") != "" || host[0] == '[' && host[i-1] != ']' {
		return host
	}
	return host[:i]
}

// asked reports that a backend was asked, as far as attempts are kept.
func (r *Record) asked(backend uint32) bool {
	for i := range min(int(r.Tried), triesKept) {
		if r.Tries[i].Backend == backend {
			return true
		}
	}
	return false
}
