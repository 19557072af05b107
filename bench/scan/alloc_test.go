//go:build !race

package scan

import "testing"

func TestFeedAllocs(t *testing.T) {
	for _, text := range []string{
		ok + "Date: Tue, 24 Nov 2026 01:18:01 GMT\r\nContent-Length: 3\r\n\r\nok\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n",
	} {
		var s Scanner
		whole, first, second := []byte(text), []byte(text[:20]), []byte(text[20:])
		n := testing.AllocsPerRun(1000, func() {
			s.Reset(false)
			if done, err := s.Feed(whole); !done || err != nil {
				t.Fatal(done, err)
			}
			s.Reset(false)
			if _, err := s.Feed(first); err != nil {
				t.Fatal(err)
			}
			if done, err := s.Feed(second); !done || err != nil {
				t.Fatal(done, err)
			}
		})
		if n != 0 {
			t.Errorf("got %v allocations for %q; want 0", n, text)
		}
	}
}
