package ctl

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	ends "github.com/isame-lb/isame-lb/pool/end"
	"github.com/valyala/fasthttp"
)

// RecordQuery is which records are wanted: those that everything holds for which is said.
type RecordQuery struct {
	// RequestID is a whole request id, or what is kept of a longer one; empty is any.
	RequestID string
	// Route, Pool and Backend are names; a backend is any that was asked.
	Route, Pool, Backend string
	// Cause is how it ended; CauseSet says that one is wanted.
	Cause    ends.End
	CauseSet bool
	// Errors wants what ended badly, or with a status of 500 and above.
	Errors bool
	// StatusFrom and StatusTo are the first and the last status; 0 is any.
	StatusFrom, StatusTo int
	Method, Host         string
	// Client is a network that the client belongs to; invalid is any.
	Client netip.Prefix
	// Since and Until bound when the exchange ended.
	Since, Until time.Time
	// Slower is the least time that it took.
	Slower time.Duration
	// Slowest has the slowest first; else those that ended last are.
	Slowest bool
	// Limit bounds the answer; After is where the page before has ended.
	Limit int
	After string
}

// RecordPage is what was found.
type RecordPage struct {
	Records []api.Record
	// Next is the After of the next page; empty where there is none.
	Next string
	// Since is since when every exchange is kept, ErrorsSince since when those are that ended badly.
	Since, ErrorsSince time.Time
}

// Bounds of lists.
const (
	listLimitMax = 1000
	listMax      = 10_000 // without a limit
)

func (s *Server) recordEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/api/v1/records", role: api.RoleObserve, serve: s.records, doc: operation{
			id: "listRecords", summary: "Exchanges that have ended, as the recorder keeps them; Link has the next page",
			query: recordParameters(), answers: answers{200: []api.Record{}, 409: refusal{}},
		}},
		{method: "GET", pattern: "/api/v1/records/{request-id}", role: api.RoleObserve, serve: s.recordsOf, doc: operation{
			id:      "getRecords",
			summary: "The exchanges with a request id, newest first: clients may repeat one. 404 says how far back the records go",
			query:   map[string]string{keyLimit: recordReaders[keyLimit].doc, keyAfter: recordReaders[keyAfter].doc},
			answers: answers{200: []api.Record{}, 400: refusal{}, 404: refusal{}, 409: refusal{}},
		}},
	}
}

// recordParameter is one query parameter of the list.
type recordParameter struct {
	doc  string
	read func(q *RecordQuery, value string) error
}

// recordReaders are all that there are.
var recordReaders = map[string]recordParameter{
	"route":   {"name of a route", text(func(q *RecordQuery) *string { return &q.Route })},
	"pool":    {"name of a pool", text(func(q *RecordQuery) *string { return &q.Pool })},
	"backend": {"address of a backend that was asked", text(func(q *RecordQuery) *string { return &q.Backend })},
	"method":  {"method, in capitals as it came", text(func(q *RecordQuery) *string { return &q.Method })},
	"host":    {"Host of the request, in any case; without a port it is that of any", text(func(q *RecordQuery) *string { return &q.Host })},
	"cause":   {"word of the list of ends", readCause},
	"errors":  {"1: what ended badly, or with a status of 500 and above", readErrors},
	"status":  {"502, 5xx or 500-599", readStatus},
	"client":  {"address or network of the client", readClient},
	"since":   {"earliest end: a time (RFC 3339), or how long ago (10m)", moment(func(q *RecordQuery) *time.Time { return &q.Since })},
	"until":   {"latest end, likewise", moment(func(q *RecordQuery) *time.Time { return &q.Until })},
	"slower":  {"least time that it took, as 250ms", readSlower},
	"order":   {"newest (default) or slowest", readOrder},
	"limit":   {"records in an answer, 1 to 1000; absent: all, up to 10,000", readLimit},
	"after":   {"where the page before has ended: Link has it", text(func(q *RecordQuery) *string { return &q.After })},
}

// recordParameters are their descriptions by name.
func recordParameters() map[string]string {
	docs := map[string]string{}
	for name, p := range recordReaders {
		docs[name] = p.doc
	}
	return docs
}

// records is the list.
func (s *Server) records(x *call) error {
	if s.opts.Sources.Records == nil {
		return notSupported("records")
	}
	q := RecordQuery{Limit: listMax}
	if err := q.read(x); err != nil {
		return err
	}
	page, err := s.opts.Sources.Records(&q)
	if err != nil {
		return err
	}
	if page.Next != "" {
		x.ctx.Response.Header.Set("Link", nextPage(x, page.Next))
	}
	return x.answer(filled(page.Records))
}

// nextPage is the same request behind a cursor (RFC 8288).
func nextPage(x *call, cursor string) string {
	var args fasthttp.Args
	x.ctx.QueryArgs().CopyTo(&args)
	args.Set("after", cursor)
	return "<" + string(x.ctx.Path()) + "?" + args.String() + `>; rel="next"`
}

// read takes the query parameters, which are known ones.
func (q *RecordQuery) read(x *call) error {
	for key, value := range x.ctx.QueryArgs().All() {
		name := string(key)
		if err := recordReaders[name].read(q, string(value)); err != nil {
			return unknownParameter("query parameter %q: %s", name, err)
		}
	}
	return nil
}

// recordsOf are the exchanges with one id.
func (s *Server) recordsOf(x *call) error {
	if s.opts.Sources.Records == nil {
		return notSupported("records")
	}
	id := x.params["request-id"]
	q := RecordQuery{RequestID: id, Limit: listMax}
	if err := q.read(x); err != nil {
		return err
	}
	page, err := s.opts.Sources.Records(&q)
	if err != nil {
		return err
	}
	if page.Next != "" {
		x.ctx.Response.Header.Set("Link", nextPage(x, page.Next))
	}
	if len(page.Records) == 0 && q.After == "" {
		return fmt.Errorf("request id %q: %w: every exchange that has ended since %s is kept, and failures since %s",
			id, ErrNotFound, page.Since.Format(time.RFC3339), page.ErrorsSince.Format(time.RFC3339))
	}
	return x.answer(filled(page.Records))
}

// text reads a parameter that is taken as it stands.
func text(of func(q *RecordQuery) *string) func(*RecordQuery, string) error {
	return func(q *RecordQuery, value string) error {
		if value == "" {
			return errors.New("is empty: leave it out")
		}
		*of(q) = value
		return nil
	}
}

// moment reads a time, or how long ago it was.
func moment(of func(q *RecordQuery) *time.Time) func(*RecordQuery, string) error {
	return func(q *RecordQuery, value string) error {
		at, err := readMoment(value)
		if err == nil {
			*of(q) = at
		}
		return err
	}
}

// readMoment is a time, or that of so long ago.
func readMoment(value string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(value)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-01-31T12:00:00Z nor how long ago that was, such as 10m", value)
	}
	return time.Now().Add(-ago), nil
}

func readCause(q *RecordQuery, value string) error {
	e, ok := ends.Of(value)
	if !ok {
		words := make([]string, 0, ends.Ends)
		for e := range ends.Ends {
			words = append(words, e.Word())
		}
		return fmt.Errorf("%q is no word of the list of ends%s", value, config.DidYouMean(value, words))
	}
	q.Cause, q.CauseSet = e, true
	return nil
}

func readErrors(q *RecordQuery, value string) error {
	switch value {
	case "1", "true":
		q.Errors = true
	case "0", "false":
	default:
		return fmt.Errorf("%q is not one of 0, 1, false, true", value)
	}
	return nil
}

// readStatus reads one status, a class of them, or the first and the last one.
func readStatus(q *RecordQuery, value string) error {
	from, to, isRange := strings.Cut(value, "-")
	if class, isClass := strings.CutSuffix(value, "xx"); isClass {
		from, to = class+"00", class+"99"
	} else if !isRange {
		to = from
	}
	var fromErr, toErr error
	q.StatusFrom, fromErr = strconv.Atoi(from)
	q.StatusTo, toErr = strconv.Atoi(to)
	if fromErr != nil || toErr != nil || len(from) != 3 || len(to) != 3 || q.StatusFrom < 100 || q.StatusFrom > q.StatusTo {
		return fmt.Errorf("%q is not like 502, 5xx or 500-599", value)
	}
	return nil
}

func readClient(q *RecordQuery, value string) error {
	if prefix, err := netip.ParsePrefix(value); err == nil {
		q.Client = prefix.Masked()
		return nil
	}
	ip, err := netip.ParseAddr(value)
	if err != nil || ip.Zone() != "" {
		return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", value)
	}
	ip = ip.Unmap()
	q.Client = netip.PrefixFrom(ip, ip.BitLen())
	return nil
}

func readSlower(q *RecordQuery, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no duration such as 250ms", value)
	}
	q.Slower = d
	return nil
}

func readOrder(q *RecordQuery, value string) error {
	switch value {
	case "slowest":
		q.Slowest = true
	case "newest":
	default:
		return fmt.Errorf("%q is not one of newest, slowest", value)
	}
	return nil
}

func readLimit(q *RecordQuery, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > listLimitMax {
		return fmt.Errorf("%q is not between 1 and %d", value, listLimitMax)
	}
	q.Limit = n
	return nil
}
