package record

import (
	"net/netip"
	"strings"
	"testing"
	"unsafe"

	"github.com/isame-lb/isame-lb/pool/end"
)

// A record is four cache lines, and a page what the allocator has no rest of.
func TestRecordIsFourCacheLines(t *testing.T) {
	for _, tc := range []struct {
		name      string
		got, want uintptr
	}{
		{"record", unsafe.Sizeof(Record{}), 256},
		{"attempt", unsafe.Sizeof(Try{}), 16},
		{"attempts begin", unsafe.Offsetof(Record{}.Tries), 96},
		{"texts begin", unsafe.Offsetof(Record{}.text), 160},
		{"page", unsafe.Sizeof(page{}), 8*8192 - 64},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %d; want %d", tc.name, tc.got, tc.want)
		}
	}
}

func TestTextsAreCutWhereTheySaySo(t *testing.T) {
	long := strings.Repeat("0123456789", 10)
	for _, tc := range []struct {
		name, method, host, path       string
		wantMethod, wantHost, wantPath string
		wantHostCut, wantPathCut       bool
	}{
		{name: "usual", method: "GET", host: "a.test", path: "/x", wantMethod: "GET", wantHost: "a.test", wantPath: "/x"},
		{name: "nothing"},
		{name: "longest", method: "DELETE", host: long[:32], path: long[:64], wantMethod: "DELETE", wantHost: long[:32], wantPath: long[:64]},
		{
			name: "longer", method: "QUERY", host: long[:33], path: long[:65],
			wantMethod: "QUERY", wantHost: long[:32], wantPath: long[:64], wantHostCut: true, wantPathCut: true,
		},
		{name: "other method", method: "PROPFIND", host: "a", path: long[:64], wantMethod: "PROPFIND", wantHost: "a", wantPath: long[:64]},
		{
			name: "all is long", method: strings.Repeat("M", 32), host: long, path: long,
			wantMethod: strings.Repeat("M", 16), wantHost: long[:32], wantPath: long[:48], wantHostCut: true, wantPathCut: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Record
			r.SetRequest([]byte(tc.method), []byte(tc.host), []byte(tc.path))
			method, host, path := r.texts()
			if string(method) != tc.wantMethod || string(host) != tc.wantHost || string(path) != tc.wantPath {
				t.Errorf("got %q %q %q; want %q %q %q", method, host, path, tc.wantMethod, tc.wantHost, tc.wantPath)
			}
			if hostIs, pathIs := r.Flags&hostCut != 0, r.Flags&pathCut != 0; hostIs != tc.wantHostCut || pathIs != tc.wantPathCut {
				t.Errorf("cut: got %v %v; want %v %v", hostIs, pathIs, tc.wantHostCut, tc.wantPathCut)
			}
		})
	}
}

// Whatever clients send, a record has the beginning of it, and says when that is not all.
func FuzzTexts(f *testing.F) {
	f.Add("GET", "a.test", "/")
	f.Add("", "", "")
	f.Add(strings.Repeat("M", 40), strings.Repeat("h", 40), strings.Repeat("p", 80))
	f.Fuzz(func(t *testing.T, m, h, p string) {
		var r Record
		r.SetRequest([]byte(m), []byte(h), []byte(p))
		method, host, path := r.texts()
		if !strings.HasPrefix(m, string(method)) || !strings.HasPrefix(h, string(host)) || !strings.HasPrefix(p, string(path)) {
			t.Errorf("got %q %q %q of %q %q %q", method, host, path, m, h, p)
		}
		if (len(host) < len(h)) != (r.Flags&hostCut != 0) || (len(path) < len(p)) != (r.Flags&pathCut != 0) {
			t.Errorf("kept %d of %d and %d of %d bytes; flags %b", len(host), len(h), len(path), len(p), r.Flags)
		}
		if len(h) >= hostRoom && len(host) != hostRoom || len(method) < min(len(m), methodRoom) || len(p) >= pathRoom && len(path) < pathRoom-methodRoom {
			t.Errorf("kept %q %q %q; there is room for more", method, host, path)
		}
	})
}

func TestMethodsHaveTheirNumbers(t *testing.T) {
	for i, method := range methods {
		if got := methodNumber([]byte(method)); int(got) != i {
			t.Errorf("%q: got %d; want %d", method, got, i)
		}
	}
	for _, method := range []string{"get", "G", "GETS", "BREW", "PROPFIND"} {
		if got := methodNumber([]byte(method)); got != methodText {
			t.Errorf("%q: got %d; want none", method, got)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	const own = "4f2a9c01b7d3e8554f2a9c01b7d3e855"
	for _, tc := range []struct {
		id, asked string
		want      bool
	}{
		{own, own, true},
		{own, own[:16], true},
		{own, own[:16] + "0000000000000000", false},
		{own, own[:31], false},
		{own, own[:15], false},
		{own[:16], own[:16], true},
		{own[:16], own, false},
		{"a", "a", true},
		{"a", "b", false},
		{"", own, false},
		{strings.Repeat("x", 300), strings.Repeat("x", 300), true},
		{strings.Repeat("x", 300), strings.Repeat("x", 299), false},
	} {
		c := New(1)
		c.Configure(Limits{Records: 8})
		var r Record
		r.SetID([]byte(tc.id))
		c.Put(0, 1, &r)
		a, err := c.Find(&Query{Filter: Filter{ID: tc.asked}, Limit: 9})
		if got := len(a.Records) == 1; err != nil || got != tc.want {
			t.Errorf("%.40q asked as %.40q: found %v, %v; want %v", tc.id, tc.asked, got, err, tc.want)
		}
	}
}

func TestClients(t *testing.T) {
	for _, text := range []string{"192.0.2.7", "2001:db8::1"} {
		var r Record
		r.SetClient(netip.MustParseAddr(text))
		if got := r.clientAddr().String(); got != text {
			t.Errorf("got %s; want %s", got, text)
		}
	}
	var r Record
	r.SetClient(netip.Addr{})
	if r.clientAddr().IsValid() {
		t.Errorf("got %v; want no address", r.clientAddr())
	}
}

func TestWhatIsAnErrorAndWhatARefusal(t *testing.T) {
	for _, tc := range []struct {
		end              end.End
		status           uint16
		isError, refused bool
	}{
		{end.OK, 200, false, false},
		{end.OK, 404, false, false},
		{end.OK, 503, true, false},
		{end.NoRoute, 404, true, true},
		{end.RateLimited, 429, true, true},
		{end.BadHost, 400, true, true},
		{end.ClientGone, 499, true, true},
		{end.ConcurrencyLimit, 503, true, false},
		{end.ConnectRefused, 502, true, false},
		{end.Truncated, 200, true, false},
		{end.AuthUnavailable, 401, true, false},
		{end.BackendGone, 101, true, false},
	} {
		r := Record{End: tc.end, Status: tc.status}
		if r.isError() != tc.isError || r.isError() && r.isRefusal() != tc.refused {
			t.Errorf("%v %d: got error %v, refusal %v; want %v, %v", tc.end, tc.status, r.isError(), r.isRefusal(), tc.isError, tc.refused)
		}
	}
}
