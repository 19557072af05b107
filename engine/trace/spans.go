package trace

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

// Exchange is what is exported of one that has ended. Nothing in it belongs to anybody else.
type Exchange struct {
	Span
	record.View // with the moment of the wall clock in Started

	Path, Query string // as the client sent them; values of the query are not exported
	Secure      bool   // the client speaks TLS
	UserAgent   string
	Peer        netip.Addr // of the connection
	// Template is what the route's path has to look like; empty where it does not ask for one.
	Template string
	// BackendsTLS says that backends are spoken to over TLS.
	BackendsTLS bool
}

// methods are those that semantic conventions know: RFC 9110, PATCH and QUERY.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}

// idsKey is where ids finds what it gives: a Span and the number of one of its own.
type idsKey struct{}

type wantedID struct {
	span   *Span
	number uint64
}

// ids gives the spans the ids that backends were told.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	w, _ := ctx.Value(idsKey{}).(wantedID)
	_, _ = hex.Decode(id[:], w.span.Trace())
	return id, w.span.id(w.number)
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	w, _ := ctx.Value(idsKey{}).(wantedID)
	return w.span.id(w.number)
}

// export makes the spans: one of the exchange, as a server, and one of each attempt.
func (e *Exchange) export(with trace.Tracer) {
	ctx := context.WithValue(e.caller(), idsKey{}, wantedID{&e.Span, 0})
	ctx, server := with.Start(ctx, e.name(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(e.Started), trace.WithAttributes(e.attributes()...))
	for place := range e.Tries {
		e.exportTry(ctx, with, server, place)
	}
	e.phases(server)
	if e.Status >= 500 || e.End != end.OK && e.End.Side() != end.SideClient {
		server.SetStatus(codes.Error, e.reason())
	}
	server.End(trace.WithTimestamp(e.Started.Add(e.Took)))
}

// caller is a context with the span that the exchange belongs to, if there is one.
func (e *Exchange) caller() context.Context {
	ctx := context.Background()
	if !e.parent {
		return ctx
	}
	c := trace.SpanContextConfig{TraceFlags: trace.TraceFlags(e.flags), Remote: true}
	_, _ = hex.Decode(c.TraceID[:], e.Trace())
	_, _ = hex.Decode(c.SpanID[:], e.ids[traceDigits+1:])
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(c))
}

// method is one of those that are known, and the text that it stands for.
func (e *Exchange) method() (known string, sent []attribute.KeyValue) {
	if slices.Contains(methods, e.Method) {
		return e.Method, []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(e.Method)}
	}
	return "HTTP", []attribute.KeyValue{semconv.HTTPRequestMethodOther, semconv.HTTPRequestMethodOriginal(e.Method)}
}

func (e *Exchange) name() string {
	method, _ := e.method()
	if e.Template == "" {
		return method
	}
	return method + " " + e.Template
}

func (e *Exchange) attributes() []attribute.KeyValue {
	_, list := e.method()
	scheme := "http"
	if e.Secure {
		scheme = "https"
	}
	list = append(list, semconv.URLScheme(scheme), semconv.URLPath(e.Path), semconv.HTTPResponseStatusCode(e.Status),
		semconv.NetworkProtocolVersion(strings.TrimPrefix(strings.TrimSuffix(e.Version.String(), ".0"), "HTTP/")),
		attribute.Int64("http.request.size", e.In), attribute.Int64("http.response.size", e.Out),
		attribute.String("isame.listener", e.Listener), attribute.Int64("isame.generation", int64(e.Generation)),
		attribute.String("isame.end", e.End.Word()), attribute.String("isame.phase", e.Phase.String()), attribute.Int("isame.attempts", e.Tried))
	list = append(list, serverOf(e.Host)...)
	for _, a := range []attribute.KeyValue{
		semconv.URLQuery(redacted(e.Query)), semconv.UserAgentOriginal(e.UserAgent), semconv.HTTPRoute(e.Template),
		attribute.String("isame.route", e.Route), attribute.String("isame.pool", e.Pool),
		attribute.String("isame.request_id", e.ID), attribute.String("isame.no_retry", e.Refusal),
	} {
		if a.Value.AsString() != "" {
			list = append(list, a)
		}
	}
	if e.Client.IsValid() {
		list = append(list, semconv.ClientAddress(e.Client.String()))
	}
	if e.Peer.IsValid() {
		list = append(list, semconv.NetworkPeerAddress(e.Peer.String()))
	}
	return e.appendError(list, e.End, e.Status)
}

// serverOf is the address and the port that an authority names.
func serverOf(authority string) []attribute.KeyValue {
	if authority == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(strings.Trim(authority, "[]"))}
	}
	list := []attribute.KeyValue{semconv.ServerAddress(host)}
	if number, err := strconv.Atoi(port); err == nil {
		list = append(list, semconv.ServerPort(number))
	}
	return list
}

// redacted is a query with the names alone: values may be anything.
func redacted(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if name, _, found := strings.Cut(part, "="); found {
			parts[i] = name + "=REDACTED"
		}
	}
	return strings.Join(parts, "&")
}

// appendError appends error.type, of low cardinality: the word for the end, or the status.
func (e *Exchange) appendError(list []attribute.KeyValue, how end.End, status int) []attribute.KeyValue {
	switch {
	case how != end.OK:
		return append(list, semconv.ErrorTypeKey.String(how.Word()))
	case status >= 500:
		return append(list, semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	return list
}

// reason is why the exchange is an error.
func (e *Exchange) reason() string {
	if e.End != end.OK {
		return e.End.Text()
	}
	return "" // the status says it
}

// phases are events of the exchange: when its parts ended.
func (e *Exchange) phases(server trace.Span) {
	if e.Read > 0 {
		server.AddEvent("request head read", trace.WithTimestamp(e.Started.Add(e.Read)))
	}
	if e.Admit > 0 {
		server.AddEvent("admitted", trace.WithTimestamp(e.Started.Add(e.Admit)))
	}
	if e.Refusal != "" {
		server.AddEvent("not retried", trace.WithTimestamp(e.Started.Add(e.Took)),
			trace.WithAttributes(attribute.String("isame.reason", e.Refusal)))
	}
}

// exportTry makes the span of an attempt, as a client, and tells the exchange's why it is not
// the first one.
func (e *Exchange) exportTry(ctx context.Context, with trace.Tracer, server trace.Span, place int) {
	t := &e.Tries[place]
	began := e.Started.Add(t.Began)
	if place > 0 {
		what := "retry"
		if t.Rival {
			what = "hedge"
		}
		server.AddEvent(what, trace.WithTimestamp(began), trace.WithAttributes(
			attribute.String("isame.backend", t.Backend), attribute.String("isame.reason", e.Tries[place-1].End.Word())))
	}
	method, list := e.method()
	list = append(list, serverOf(t.Backend)...)
	list = append(list, semconv.URLFull(e.urlAt(t.Backend)),
		attribute.String("isame.pool", e.Pool), attribute.Bool("isame.connection.reused", t.Reused))
	if place > 0 {
		list = append(list, semconv.HTTPRequestResendCount(t.Place-1))
	}
	if t.Status > 0 {
		list = append(list, semconv.HTTPResponseStatusCode(t.Status))
	}
	ctx = context.WithValue(ctx, idsKey{}, wantedID{&e.Span, 1 + uint64(place)})
	_, span := with.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began),
		trace.WithAttributes(e.appendError(list, t.End, t.Status)...))
	if t.Connect > 0 {
		span.AddEvent("connected", trace.WithTimestamp(began.Add(t.Connect)))
	}
	if t.Status > 0 {
		span.AddEvent("answer head", trace.WithTimestamp(began.Add(t.Answer)))
	}
	if t.Status >= 400 || t.End != end.OK && t.End != end.Outrun {
		span.SetStatus(codes.Error, t.End.Text())
	}
	e.exportBreaker(span, t)
	span.End(trace.WithTimestamp(e.tryEnd(t)))
}

// exportBreaker tells what the attempt was to the circuit breaker of its backend.
func (e *Exchange) exportBreaker(span trace.Span, t *record.TryView) {
	at := trace.WithTimestamp(e.tryEnd(t))
	if t.Breaker&record.BreakerTrial != 0 {
		span.AddEvent("circuit breaker trial", trace.WithTimestamp(e.Started.Add(t.Began)))
	}
	if t.Breaker&record.BreakerOpened != 0 {
		span.AddEvent("circuit breaker opened", at, trace.WithAttributes(attribute.String("isame.reason", met(t))))
	}
	if t.Breaker&record.BreakerClosed != 0 {
		span.AddEvent("circuit breaker closed", at)
	}
}

// met is what the breaker has met: the status of a whole answer, else the word for its end.
func met(t *record.TryView) string {
	if t.End == end.OK {
		return strconv.Itoa(t.Status)
	}
	return t.End.Word()
}

// tryEnd is when the attempt ended: with its answer the exchange's end, unless another one
// came behind.
func (e *Exchange) tryEnd(t *record.TryView) time.Time {
	if t.Status > 0 && (t.Won || t == &e.Tries[len(e.Tries)-1]) {
		return e.Started.Add(e.Took)
	}
	return e.Started.Add(t.Began + t.Answer)
}

func (e *Exchange) urlAt(backend string) string {
	scheme := "http://"
	if e.BackendsTLS {
		scheme = "https://"
	}
	if e.Query == "" {
		return scheme + backend + e.Path
	}
	return scheme + backend + e.Path + "?" + redacted(e.Query)
}

var _ sdk.IDGenerator = ids{}
