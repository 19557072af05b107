package ctl

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	ends "github.com/isame-lb/isame-lb/pool/end"
)

// sampleRecords is a recorder with one exchange, that says what it was asked.
func sampleRecords(asked *RecordQuery) func(q *RecordQuery) (RecordPage, error) {
	return func(q *RecordQuery) (RecordPage, error) {
		*asked = *q
		page := RecordPage{Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ErrorsSince: time.Date(2026, 1, 2, 1, 0, 0, 0, time.UTC)}
		switch {
		case q.Route == "off":
			return page, fmt.Errorf("nothing is recorded: %w", ErrConflict)
		case q.RequestID == "none", q.Route == "none":
			return page, nil
		}
		if q.After == "" && q.Limit < listMax {
			page.Next = "c2"
		}
		page.Records = []api.Record{{RequestID: "a1", Method: "GET", Status: 502, Cause: ends.Reset.Word()}}
		return page, nil
	}
}

func TestRecordParametersAreRead(t *testing.T) {
	var asked RecordQuery
	s := start(t, Options{Sources: Sources{Records: sampleRecords(&asked)}})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		query string
		want  RecordQuery
	}{
		{"", RecordQuery{Limit: listMax}},
		{"?route=api&pool=p&backend=10.0.0.1%3A80", RecordQuery{Limit: listMax, Route: "api", Pool: "p", Backend: "10.0.0.1:80"}},
		{"?method=GET&host=a.test", RecordQuery{Limit: listMax, Method: "GET", Host: "a.test"}},
		{"?cause=connect_refused", RecordQuery{Limit: listMax, Cause: ends.ConnectRefused, CauseSet: true}},
		{"?cause=ok&errors=0", RecordQuery{Limit: listMax, CauseSet: true}},
		{"?errors=true", RecordQuery{Limit: listMax, Errors: true}},
		{"?status=502", RecordQuery{Limit: listMax, StatusFrom: 502, StatusTo: 502}},
		{"?status=5xx", RecordQuery{Limit: listMax, StatusFrom: 500, StatusTo: 599}},
		{"?status=500-511", RecordQuery{Limit: listMax, StatusFrom: 500, StatusTo: 511}},
		{"?client=192.0.2.7", RecordQuery{Limit: listMax, Client: netip.MustParsePrefix("192.0.2.7/32")}},
		{"?client=::ffff:192.0.2.7", RecordQuery{Limit: listMax, Client: netip.MustParsePrefix("192.0.2.7/32")}},
		{"?client=192.0.2.7/24", RecordQuery{Limit: listMax, Client: netip.MustParsePrefix("192.0.2.0/24")}},
		{"?since=2026-01-31T12:00:00Z&until=2026-01-31T12:00:00Z", RecordQuery{Limit: listMax, Since: at, Until: at}},
		{"?slower=250ms&order=slowest&limit=7&after=c1", RecordQuery{Limit: 7, Slower: 250 * time.Millisecond, Slowest: true, After: "c1"}},
		{"?order=newest&limit=1000", RecordQuery{Limit: 1000}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			got := raw(t, s, request("GET", "/api/v1/records"+tc.query, "", ""))
			if got.status != 200 || !strings.Contains(got.body, `"request_id":"a1"`) {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			if !asked.Since.Equal(tc.want.Since) || !asked.Until.Equal(tc.want.Until) {
				t.Errorf("got from %v to %v; want from %v to %v", asked.Since, asked.Until, tc.want.Since, tc.want.Until)
			}
			asked.Since, asked.Until = tc.want.Since, tc.want.Until
			if asked != tc.want {
				t.Errorf("got %+v; want %+v", asked, tc.want)
			}
		})
	}
	before := time.Now().Add(-10 * time.Minute)
	raw(t, s, request("GET", "/api/v1/records?since=10m", "", ""))
	if asked.Since.Before(before) || asked.Since.After(before.Add(time.Minute)) {
		t.Errorf("ten minutes ago: got %v; want about %v", asked.Since, before)
	}
}

// Nothing unknown is taken: who filters by a word with a slip must not believe that there
// was nothing, or everything.
func TestRecordParametersThatAreRefused(t *testing.T) {
	var asked RecordQuery
	s := start(t, Options{Sources: Sources{Records: sampleRecords(&asked)}})
	for _, tc := range []struct{ query, want string }{
		{"?rout=api", `did you mean \"route\"?`},
		{"?route=", "is empty"},
		{"?route=a&route=b", "comes twice"},
		{"?cause=conect_refused", `did you mean \"connect_refused\"?`},
		{"?errors=yes", "0, 1, false, true"},
		{"?status=5x", "502, 5xx or 500-599"},
		{"?status=99", "502, 5xx or 500-599"},
		{"?status=xx", "502, 5xx or 500-599"},
		{"?status=599-500", "502, 5xx or 500-599"},
		{"?status=500-", "502, 5xx or 500-599"},
		{"?status=%2B50", "502, 5xx or 500-599"},
		{"?client=localhost", "neither an address nor a network"},
		{"?client=fe80::1%25eth0", "neither an address nor a network"},
		{"?since=yesterday", "how long ago"},
		{"?until=-5m", "how long ago"},
		{"?slower=fast", "no duration"},
		{"?slower=-1s", "no duration"},
		{"?order=oldest", "newest, slowest"},
		{"?limit=0", "between 1 and 1000"},
		{"?limit=1001", "between 1 and 1000"},
		{"?limit=many", "between 1 and 1000"},
		{"/a1?limit=0", "between 1 and 1000"},
		{"/a1?route=api", "is not known here"},
	} {
		t.Run(tc.query, func(t *testing.T) {
			asked = RecordQuery{}
			got := raw(t, s, request("GET", "/api/v1/records"+tc.query, "", ""))
			if got.status != 400 || !strings.Contains(got.body, tc.want) || asked != (RecordQuery{}) {
				t.Errorf("got %d %s, asked %+v; want 400 with %q, and nobody asked", got.status, got.body, asked, tc.want)
			}
		})
	}
}

func TestRecordsOfAnID(t *testing.T) {
	var asked RecordQuery
	s := start(t, Options{Sources: Sources{Records: sampleRecords(&asked)}})
	got := raw(t, s, request("GET", "/api/v1/records/a%2F1", "", ""))
	var list []api.Record
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || got.status != 200 || len(list) != 1 || asked.RequestID != "a/1" {
		t.Errorf("got %d %s, %v; asked %+v", got.status, got.body, err, asked)
	}
	got = raw(t, s, request("GET", "/api/v1/records/a1?limit=1", "", ""))
	if link := got.header.Get("Link"); link != `</api/v1/records/a1?limit=1&after=c2>; rel="next"` || asked.Limit != 1 {
		t.Errorf("a page: got Link %q, asked %+v", link, asked)
	}
	got = raw(t, s, request("GET", "/api/v1/records/none", "", ""))
	if got.status != 404 || !strings.Contains(got.body, "2026-01-02T03:04:05Z") || !strings.Contains(got.body, "2026-01-02T01:00:00Z") {
		t.Errorf("got %d %s; want 404 that says how far back the records go", got.status, got.body)
	}
}

func TestRecordPages(t *testing.T) {
	var asked RecordQuery
	s := start(t, Options{Sources: Sources{Records: sampleRecords(&asked)}})
	got := raw(t, s, request("GET", "/api/v1/records?limit=1&host=a%26b", "", ""))
	if link := got.header.Get("Link"); link != `</api/v1/records?limit=1&host=a%26b&after=c2>; rel="next"` {
		t.Errorf("got Link %q", link)
	}
	got = raw(t, s, request("GET", "/api/v1/records?limit=1&after=c2", "", ""))
	if link := got.header.Get("Link"); link != "" || asked.After != "c2" {
		t.Errorf("last page: got Link %q, after %q", link, asked.After)
	}
	if got = raw(t, s, request("GET", "/api/v1/records?route=none", "", "")); got.status != 200 || got.body != "[]\n" {
		t.Errorf("nothing found: got %d %q; want an empty list", got.status, got.body)
	}
	if got = raw(t, s, request("GET", "/api/v1/records?route=off", "", "")); got.status != 409 {
		t.Errorf("switched off: got %d %s; want 409", got.status, got.body)
	}
}
