package answer

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
)

// all are the rejects that can be named, and those of all outcomes.
func all() []*Reject {
	named := []*Reject{
		NoRoute, MethodNotAllowed, Misdirected, BodyTooLarge, SlowHeader, ClearText, Connections, ConnectionsPerIP, ConnectionRatePerIP, Busy,
		UpgradeIgnored, Internal, ForShed(pool.ShedLimit), ForShed(pool.ShedFull), ForShed(pool.ShedTimeout),
	}
	for i := range 256 {
		named = append(named, ForOutcome(attempt.Outcome(i)))
	}
	return named
}

func TestRejectInItsForms(t *testing.T) {
	const dated = "Date: " + date + "\r\n"
	busy := `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"` + end.BackendsBusy.Text() + `","cause":"backends_busy"}` + "\n"
	page := "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>405 Method Not Allowed</title>\n<h1>405 Method Not Allowed</h1>\n" +
		"<p>" + end.MethodNotAllowed.Text() + "</p>\n<p><small>Isame: method_not_allowed</small></p></html>\n"
	length := func(s string) string { return "Content-Length: " + strconv.Itoa(len(s)) + "\r\n" }
	for _, tc := range []struct {
		name string
		r    *Reject
		o    Options
		want string
	}{
		{
			"problem", Busy,
			Options{Connection: Silent},
			"HTTP/1.1 503 Service Unavailable\r\n" + dated + "X-Isame-Error: backends_busy\r\nCache-Control: no-store\r\n" +
				"Content-Type: application/problem+json\r\nRetry-After: 1\r\n" + length(busy) + "\r\n" + busy,
		},
		{
			"page", MethodNotAllowed,
			Options{Form: Page},
			"HTTP/1.1 405 Method Not Allowed\r\n" + dated + "X-Isame-Error: method_not_allowed\r\nCache-Control: no-store\r\n" +
				"Content-Type: text/html; charset=utf-8\r\nAllow: " + Methods + "\r\n" + length(page) + "Connection: close\r\n\r\n" + page,
		},
		{
			"call", Busy,
			Options{Form: Call, Connection: Silent},
			"HTTP/1.1 200 OK\r\n" + dated + "Content-Type: application/grpc\r\nX-Isame-Error: backends_busy\r\nGrpc-Status: 14\r\n" +
				"Grpc-Message: " + end.BackendsBusy.Text() + "\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"to HEAD over HTTP/1.0", Busy,
			Options{ToHEAD: true, Connection: KeepAlive},
			"HTTP/1.1 503 Service Unavailable\r\n" + dated + "X-Isame-Error: backends_busy\r\nCache-Control: no-store\r\n" +
				"Content-Type: application/problem+json\r\nRetry-After: 1\r\n" + length(busy) + "Connection: keep-alive\r\n\r\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Date = []byte(date)
			if got := string(tc.r.Append(nil, tc.o)); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

// Every answer of the proxy's own says its end, in each form, and is read as a whole.
func TestRejectsSayTheirEnd(t *testing.T) {
	for _, r := range all() {
		for _, form := range []Form{Problem, Page, Call} {
			text := string(r.Append(nil, Options{Form: form}))
			if form != Call && !strings.Contains(text, r.End.Text()) || form == Call && r.Detail != r.End.Text() {
				t.Errorf("%v: got %q; want its sentence", r.End, text)
			}
			resp, in := readAnswer(t, text, http.MethodGet)
			body, err := io.ReadAll(resp.Body)
			if in.Buffered() > 0 || err != nil || resp.Header.Get("X-Isame-Error") != r.End.Word() {
				t.Errorf("%v: got %q with %d bytes behind it, %v; want its word and whole content", r.End, text, in.Buffered(), err)
			}
			if form != Problem {
				continue
			}
			var p struct {
				Cause string `json:"cause"`
			}
			if err := json.Unmarshal(body, &p); err != nil || p.Cause != r.End.Word() {
				t.Errorf("%v: got %q, %v; want JSON with its word", r.End, body, err)
			}
		}
	}
	if got := end.ClientGone.Side(); got != end.SideClient {
		t.Errorf("got %v; want client", got)
	}
}

// Whoever is answered by the proxy because of its backends is told why in words: they
// are also all that a client of gRPC shows.
func TestAnswersSayWhatIsWrongWithBackends(t *testing.T) {
	for i := range 256 {
		o := attempt.Outcome(i)
		if r := ForOutcome(o); o.Status() >= 500 && o != attempt.Pending && r.Detail == fasthttp.StatusMessage(o.Status())+"." {
			t.Errorf("%v: got %q; want more than the status", o, r.Detail)
		}
	}
	for _, cause := range []end.End{end.OK, end.NoBackends, end.NoBackendEnabled, end.NoHealthyBackend, end.CircuitOpen} {
		if r := Unavailable(cause, 0); r.Detail == fasthttp.StatusMessage(r.Status)+"." {
			t.Errorf("%s: got %q; want more than the status", cause, r.Detail)
		}
	}
}

func TestListenersFieldsStandInRejects(t *testing.T) {
	for _, form := range []Form{Problem, Page, Call} {
		o := Options{Form: form}
		resp, _ := readAnswer(t, string(NoRoute.Finish(Field(NoRoute.Begin(nil, o), "X-Own", "v"), o)), http.MethodGet)
		if got := resp.Header.Get("X-Own"); got != "v" {
			t.Errorf("form %d: got %q; want v", form, got)
		}
	}
}

func TestPartingRejects(t *testing.T) {
	for _, tc := range []struct {
		r    *Reject
		want bool
	}{
		{ClearText, true},
		{BodyTooLarge, true},
		{ForOutcome(attempt.ClientBadBody), true},
		{NoRoute, false},
		{Busy, false},
		{Internal, false},
	} {
		if got := tc.r.Parts(); got != tc.want {
			t.Errorf("%v: got %v; want %v", tc.r.End, got, tc.want)
		}
	}
}
