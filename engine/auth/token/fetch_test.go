package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// issuer is a server of keys.
type issuer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.serve(http.NotFound)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(f http.HandlerFunc) { i.answer.Store(&f) }

func (i *issuer) serveKeys(names ...string) {
	var keys []map[string]any
	for _, name := range names {
		keys = append(keys, members(name))
	}
	i.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(setOf(keys...)) })
}

// The issuer is a real one on a real socket, the time between two fetches that of a bubble.
func TestKeysAreFetchedAsTheyRotate(t *testing.T) {
	i := newIssuer(t)
	i.serveKeys("p256")
	ofFirst := sign("ES256", "p256", map[string]any{"kid": "p256"}, map[string]any{})
	ofSecond := sign("ES256", "p256b", map[string]any{"kid": "p256b"}, map[string]any{})
	ofNone := sign("ES256", "p256b", map[string]any{"kid": "made up"}, map[string]any{})
	synctest.Test(t, func(t *testing.T) {
		var told []string
		sources := NewSources(func(_ string, err error) { told = append(told, fmt.Sprint(err)) })
		source, err := sources.Open(i.URL, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		v, err := New(Policy{Algorithms: []string{"ES256"}}, source)
		if err != nil {
			t.Fatal(err)
		}
		expect := func(step, token string, want Reason, asked int64) {
			t.Helper()
			_, why, more := v.Verify([]byte(token), nowNanos)
			if more {
				_, why = v.VerifyFetched(t.Context(), []byte(token), nowNanos)
			}
			if why != want || i.asked.Load() != asked {
				t.Errorf("%s: got %v with %d fetches in all; want %v with %d", step, why, i.asked.Load(), want, asked)
			}
		}
		expect("before the first fetch has ended", ofFirst, None, 1)
		i.serveKeys("p256b")
		expect("a new key within the floor", ofSecond, UnknownKey, 1)
		pass(Floor)
		expect("a new key", ofSecond, None, 2)
		expect("the old key", ofFirst, UnknownKey, 2)
		pass(Floor)
		expect("a key that is made up", ofNone, UnknownKey, 3)
		for range 100 {
			expect("many that are made up", ofNone, UnknownKey, 3)
		}
		if v.Cached([]byte(ofSecond), nowNanos) == nil {
			t.Error("keys that are the same as before made a token unknown")
		}
		pass(2 * time.Hour)
		if got := i.asked.Load(); got < 4 || got > 6 {
			t.Errorf("%d fetches after two hours; want one an hour", got-3)
		}
		_ = source.Close()
		if len(told) != 2 {
			t.Errorf("told %q; want each of the two sets", told)
		}
	})
}

// pass lets the time of a bubble go on, and what it starts end.
func pass(d time.Duration) {
	done := time.NewTimer(d)
	<-done.C
	synctest.Wait()
}

func TestTheLastGoodKeysAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answer atomic.Pointer[error]
		var text atomic.Pointer[[]byte]
		serve := func(set []byte) { text.Store(&set) }
		serve(setOf(members("p256")))
		var told []string
		sources := newSources(func(_ string, err error) { told = append(told, fmt.Sprint(err)) }, func(string) ([]byte, error) {
			if err := answer.Load(); err != nil {
				return nil, *err
			}
			return *text.Load(), nil
		})
		source, err := sources.Open("https://id/keys?access_token=secret", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		pass(firstAfter)
		first := source.Current()
		down := errors.New("no answer")
		answer.Store(&down)
		pass(10 * time.Minute)
		if source.Current() != first || source.Trouble() == nil {
			t.Errorf("trouble %v, the keys are others: %v; want the first ones", source.Trouble(), source.Current() != first)
		}
		serve([]byte("<html>"))
		answer.Store(nil)
		pass(Floor)
		if source.Current() != first || source.Trouble() == nil || !strings.Contains(source.Trouble().Error(), "cannot parse") {
			t.Errorf("after junk: trouble %v", source.Trouble())
		}
		serve(setOf(members("p256")))
		pass(Floor)
		if source.Current() != first || source.Trouble() != nil {
			t.Errorf("after it has come back: trouble %v, the keys are others: %v", source.Trouble(), source.Current() != first)
		}
		serve(setOf(members("p256"), members("rsa")))
		pass(time.Minute)
		if source.Current().Len() != 2 {
			t.Errorf("%d keys; want the new set", source.Current().Len())
		}
		_ = source.Close()
		want := `<nil>|cannot fetch the keys of "https://id/keys": no answer|cannot fetch the keys of "https://id/keys": cannot parse a JSON Web Key Set: invalid character '<' looking for beginning of value|<nil>`
		if got := strings.Join(told, "|"); got != want {
			t.Errorf("told\n%s; want\n%s", got, want)
		}
	})
}

func TestWhoWaitsForKeysHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var asked atomic.Int64
		sources := newSources(func(string, error) {}, func(string) ([]byte, error) {
			asked.Add(1)
			<-release
			return setOf(members("p256")), nil
		})
		source, err := sources.Open("https://id/keys", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		v, err := New(Policy{Algorithms: []string{"ES256"}}, source)
		if err != nil {
			t.Fatal(err)
		}
		token := []byte(sign("ES256", "p256", nil, map[string]any{}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, why := v.VerifyFetched(ctx, token, nowNanos); why != KeysUnavailable {
			t.Errorf("without keys at the deadline: %v", why)
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, why := v.VerifyFetched(t.Context(), token, nowNanos); why != None {
					t.Errorf("who waited: %v", why)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if asked.Load() != 1 {
			t.Errorf("%d fetches; want one for all", asked.Load())
		}
		_ = source.Close()
	})
}

func TestAReloadKeepsTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		sources := newSources(func(string, error) {}, func(string) ([]byte, error) {
			asked.Add(1)
			return setOf(members("p256")), nil
		})
		first, err := sources.Open("https://id/keys", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		pass(firstAfter)
		second, err := sources.Open("https://id/keys", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		_ = first.Close()
		if second.Current() == nil || asked.Load() != 1 {
			t.Errorf("%d fetches, keys %v; want those of the first", asked.Load(), second.Current())
		}
		pass(time.Hour)
		if asked.Load() != 2 {
			t.Errorf("%d fetches; want it to go on", asked.Load())
		}
		_ = second.Close()
		pass(10 * time.Hour)
		if asked.Load() != 2 || second.mayFetch() {
			t.Errorf("%d fetches after the last one was closed; want no more", asked.Load())
		}
	})
}

func TestAnAnswerIsBounded(t *testing.T) {
	i := newIssuer(t)
	left := make(chan struct{})
	t.Cleanup(func() { close(left) })
	hang := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-left:
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"good", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" || r.UserAgent() != userAgentName {
				t.Errorf("asked with %v", r.Header)
			}
			_, _ = w.Write([]byte("x"))
		}, ""},
		{"as large as may be", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, bodyBytesMax)) }, ""},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, bodyBytesMax+1)) }, "no answer: "},
		{"too large, in chunks", func(w http.ResponseWriter, _ *http.Request) {
			for range bodyBytesMax/1024 + 1 {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
			}
		}, "no answer: "},
		{"a huge head", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", headBytesMax))
		}, "no answer: "},
		{"silent", hang, "no answer: "},
		{"silent after its head", func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, "no answer: "},
		{"drop by drop", func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
		}, "no answer: "},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, "the answer has the status 302"},
		{"an error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "the answer has the status 500"},
		{"encoded", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("content-encoding", "br") }, `the answer is encoded as "br"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			i.serve(c.answer)
			// Only what is to be waited for has a short time.
			timeout := 20 * time.Second
			if strings.HasPrefix(c.name, "silent") || c.name == "drop by drop" {
				timeout = 100 * time.Millisecond
			}
			_, err := newClient(timeout).get(i.URL + "/keys")
			if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
	i.Close()
	if _, err := newClient(time.Second).get(i.URL); err == nil {
		t.Error("a server that is gone has answered")
	}
}

// A configuration is looked at without asking anybody.
func TestASourceThatIsClosedAtOnceIsNotFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		sources := newSources(func(string, error) {}, func(string) ([]byte, error) {
			asked.Add(1)
			return nil, errors.New("no answer")
		})
		source, err := sources.Open("https://id/keys", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		_ = source.Close()
		pass(time.Hour)
		if asked.Load() != 0 {
			t.Errorf("%d fetches; want none", asked.Load())
		}
	})
}

func TestURLsAreChecked(t *testing.T) {
	sources := newSources(func(string, error) {}, nil)
	for _, url := range []string{"", "/keys", "ftp://id/keys", "https:///keys", "https://ann:secret@id/keys", "https://id/%zz", "ftp://id/?a=secret", "https://ann:secret@id/%zz"} {
		if _, err := sources.Open(url, time.Hour); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v; want it refused", url, err)
		}
	}
}
