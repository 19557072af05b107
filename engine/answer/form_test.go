package answer

import "testing"

func TestFormFor(t *testing.T) {
	for _, tc := range []struct {
		accept string
		want   Form
	}{
		{"", Problem},
		{"*/*", Problem},
		{"application/json", Problem},
		{"text/html", Page},
		{"text/html,application/xhtml+xml,application/json;q=0.9", Page},
		{"application/json, text/html", Problem},
		{"application/problem+json, text/html;q=0.1", Problem},
	} {
		if got := FormFor([]byte(tc.accept)); got != tc.want {
			t.Errorf("%q: got %v; want %v", tc.accept, got, tc.want)
		}
	}
}

func TestCodesOfCalls(t *testing.T) {
	for status, want := range map[int]int{
		400: 13, 401: 16, 403: 7, 404: 12, 405: 12, 408: 2, 413: 8, 421: 2, 429: 14, 431: 8, 499: 2, 500: 13, 502: 14, 503: 14, 504: 4,
	} {
		if got := grpcCode(status); got != want {
			t.Errorf("%d: got %d; want %d", status, got, want)
		}
	}
}
