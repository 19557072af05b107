package dns01

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// recordSets are the records of a provider, raw values by name.
type recordSets struct {
	mu     sync.Mutex
	values map[string][]string
	calls  []string
	rivals int // how many changes somebody else makes first
}

// cloudflareAPI answers as theirs does: one zone, one token.
func (s *recordSets) cloudflareAPI(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	say := func(status int, result any, code int) {
		w.WriteHeader(status)
		problems := []any{}
		if code != 0 {
			problems = append(problems, map[string]any{"code": code, "message": "problem"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"success": code == 0, "errors": problems, "result": result})
	}
	if r.Header.Get("Authorization") != "Bearer good" {
		say(http.StatusForbidden, nil, 9109)
		return
	}
	switch path, _ := strings.CutPrefix(r.URL.Path, "/zones/z1/dns_records"); {
	case r.URL.Path == "/zones":
		zones := []any{}
		if r.URL.Query().Get("name") == "a.test" {
			zones = append(zones, map[string]string{"id": "z1"})
		}
		say(http.StatusOK, zones, 0)
	case r.Method == http.MethodPost:
		var one cloudflareRecord
		_ = json.NewDecoder(r.Body).Decode(&one)
		if slices.Contains(s.values[one.Name], one.Content) {
			say(http.StatusBadRequest, nil, identicalHas)
			return
		}
		s.values[one.Name] = append(s.values[one.Name], one.Content)
		say(http.StatusOK, one, 0)
	case r.Method == http.MethodGet:
		found := []cloudflareRecord{}
		name := r.URL.Query().Get("name")
		for _, value := range s.values[name] {
			found = append(found, cloudflareRecord{ID: strings.Trim(value, `"`), Type: "TXT", Name: name, Content: value})
		}
		say(http.StatusOK, found, 0)
	case r.Method == http.MethodDelete:
		for name := range s.values {
			s.values[name] = slices.DeleteFunc(s.values[name], func(v string) bool { return v == `"`+path[1:]+`"` })
		}
		say(http.StatusOK, nil, 0)
	}
}

// route53Change is what the service reads of a batch.
type route53Change struct {
	Action string `xml:"Action"`
	Set    struct {
		Name    string   `xml:"Name"`
		TTL     int      `xml:"TTL"`
		Records []string `xml:"ResourceRecords>ResourceRecord>Value"`
	} `xml:"ResourceRecordSet"`
}

// route53API answers as theirs does: one public zone and a private one of the same name.
func (s *recordSets) route53API(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if credential := r.Header.Get("Authorization"); !strings.Contains(credential, "Credential=AK/") || !strings.Contains(credential, "/eu-central-1/route53/") {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>`, credential)
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/hostedzonesbyname"):
		const zone = `<HostedZone><Id>/hostedzone/%s</Id><Name>a.test.</Name><CallerReference>r</CallerReference><Config><PrivateZone>%v</PrivateZone></Config></HostedZone>`
		_, _ = fmt.Fprintf(w, `<ListHostedZonesByNameResponse><HostedZones>`+zone+zone+`</HostedZones></ListHostedZonesByNameResponse>`, "Z0", true, "Z1", false)
	case r.Method == http.MethodGet:
		_, _ = fmt.Fprint(w, `<ListResourceRecordSetsResponse><ResourceRecordSets>`)
		name := r.URL.Query().Get("name")
		if values := s.values[name]; len(values) > 0 {
			_, _ = fmt.Fprintf(w, `<ResourceRecordSet><Name>%s</Name><Type>TXT</Type><TTL>60</TTL><ResourceRecords>`, name)
			for _, value := range values {
				_, _ = fmt.Fprintf(w, `<ResourceRecord><Value>%s</Value></ResourceRecord>`, strings.ReplaceAll(value, `"`, "&quot;"))
			}
			_, _ = fmt.Fprint(w, `</ResourceRecords></ResourceRecordSet>`)
		}
		_, _ = fmt.Fprint(w, `</ResourceRecordSets></ListResourceRecordSetsResponse>`)
	default:
		s.route53Change(w, r)
	}
}

// route53Change carries out a batch, or nothing of it where a set is not as it says.
func (s *recordSets) route53Change(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var batch struct {
		Changes []route53Change `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.Unmarshal(body, &batch); err != nil || !strings.HasPrefix(r.URL.Path, "/2013-04-01/hostedzone/Z1/rrset") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	name := batch.Changes[0].Set.Name
	if s.rivals > 0 {
		s.rivals--
		s.values[name] = append(s.values[name], fmt.Sprintf(`"rival %d"`, s.rivals))
	}
	now := s.values[name]
	for _, c := range batch.Changes {
		switch {
		case c.Action == "DELETE" && slices.Equal(now, c.Set.Records):
			now = nil
		case c.Action == "CREATE" && now == nil:
			now = c.Set.Records
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>not as it is</Message></Error></ErrorResponse>`)
			return
		}
	}
	s.values[name] = now
	_, _ = fmt.Fprint(w, `<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>`)
}

// startAPI runs the API of a provider.
func startAPI(t *testing.T, serve func(*recordSets, http.ResponseWriter, *http.Request)) (*recordSets, string) {
	t.Helper()
	s := &recordSets{values: map[string][]string{}}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(s, w, r) }))
	t.Cleanup(api.Close)
	return s, api.URL
}

// TestProvidersKeepOneValueEach adds and removes two values beside one of somebody else's.
func TestProvidersKeepOneValueEach(t *testing.T) {
	for name, c := range map[string]struct {
		serve   func(*recordSets, http.ResponseWriter, *http.Request)
		section config.ACMEDNS
		record  string // as the provider writes its name
	}{
		"cloudflare": {(*recordSets).cloudflareAPI, config.ACMEDNS{Token: "good"}, "_acme-challenge.a.test"},
		"route53":    {(*recordSets).route53API, config.ACMEDNS{AccessKey: "AK", SecretKey: "SK", Region: "eu-central-1"}, "_acme-challenge.a.test."},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, "a.test.")
			for _, zoneID := range []string{"", map[string]string{"cloudflare": "z1", "route53": "Z1"}[name]} {
				api, url := startAPI(t, c.serve)
				api.values[c.record] = []string{`"other" "part"`}
				section := c.section
				section.Provider, section.Endpoint, section.ZoneID = name, url+"/", zoneID
				solver, _ := newSolver(t, s, section)
				one, two := challenge("a.test", "one"), challenge("a.test", "two")
				var failures []error
				for range 2 { // an answer may be lost
					failures = append(failures, solver.Present(t.Context(), one), solver.Present(t.Context(), two))
				}
				if err := errors.Join(failures...); err != nil {
					t.Fatal(err)
				}
				want := []string{`"other" "part"`, quoted(one.DNS01KeyAuthorization()), quoted(two.DNS01KeyAuthorization())}
				if got := api.values[c.record]; !slices.Equal(got, want) {
					t.Errorf("got %q; want %q", got, want)
				}
				if err := errors.Join(solver.CleanUp(t.Context(), one), solver.CleanUp(t.Context(), two)); err != nil {
					t.Fatal(err)
				}
				if got := api.values[c.record]; !slices.Equal(got, want[:1]) {
					t.Errorf("got %q; want %q", got, want[:1])
				}
				if asked := strings.Contains(strings.Join(api.calls, "\n")+"\n", "/zones\n") || strings.Contains(strings.Join(api.calls, "\n"), "byname"); asked == (zoneID != "") {
					t.Errorf("with zone_id %q: calls %q", zoneID, api.calls)
				}
			}
		})
	}
}

// TestSetsThatOthersChange has others who are faster, some times and always.
func TestSetsThatOthersChange(t *testing.T) {
	s := startServer(t, "a.test.")
	api, url := startAPI(t, (*recordSets).route53API)
	solver, _ := newSolver(t, s, config.ACMEDNS{Provider: "route53", AccessKey: "AK", SecretKey: "SK", Region: "eu-central-1", Endpoint: url})
	api.rivals = 2
	if err := solver.Present(t.Context(), challenge("a.test", "one")); err != nil || len(api.values["_acme-challenge.a.test."]) != 3 {
		t.Errorf("got %v, %q; want the value beside those of the others", err, api.values)
	}
	api.rivals = 100
	if err := solver.Present(t.Context(), challenge("a.test", "two")); !errors.Is(err, errContended) || api.rivals != 100-changeTries {
		t.Errorf("got %v; want %v after %d tries", err, errContended, changeTries)
	}
}

// TestProvidersThatRefuse says what they say.
func TestProvidersThatRefuse(t *testing.T) {
	s := startServer(t, "a.test.", "b.test.")
	for name, c := range map[string]struct {
		serve   func(*recordSets, http.ResponseWriter, *http.Request)
		section config.ACMEDNS
		host    string
		want    string
	}{
		"a token": {(*recordSets).cloudflareAPI, config.ACMEDNS{Provider: "cloudflare", Token: "bad"}, "a.test", "Cloudflare answers 403 Forbidden: problem (9109)"},
		"a zone":  {(*recordSets).cloudflareAPI, config.ACMEDNS{Provider: "cloudflare", Token: "good"}, "b.test", errNotInAccount.Error() + `: "b.test"`},
		"a key":   {(*recordSets).route53API, config.ACMEDNS{Provider: "route53", AccessKey: "other", SecretKey: "SK", Region: "eu-central-1"}, "a.test", "AccessDenied"},
		"a hosted zone": {
			(*recordSets).route53API,
			config.ACMEDNS{Provider: "route53", AccessKey: "AK", SecretKey: "SK", Region: "eu-central-1"},
			"b.test",
			errNoHostedZone.Error() + `: "b.test."`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := startAPI(t, c.serve)
			c.section.Endpoint = url
			solver, _ := newSolver(t, s, c.section)
			if err := solver.Present(t.Context(), challenge(c.host, "one")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}
