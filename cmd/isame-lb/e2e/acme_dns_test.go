package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestACMEByUpdates has a server that reaches no port of the proxy. The records stand
// where a CNAME leads to; each certificate is good for six seconds, by a profile beside
// which the server has another one, which it draws where none is asked for.
func TestACMEByUpdates(t *testing.T) {
	t.Parallel()
	b, names, storage := newBackend(t, nil), startNames(t), t.TempDir()
	names.do(func() { names.cnames["_acme-challenge.a.test."] = "a.records.test." })
	server := startPebble(t, validation{seconds: 90 * 24 * 3600, profiles: map[string]int{"short": 6}, names: names})
	section := server.section(storage, `"*.a.test"`, ", profile: short, "+names.updates())
	p := start(t, managed(members(b), "", "acme: "+section))
	shown := p.waitIssued("one.a.test", nil)
	if err := shown.VerifyHostname("two.a.test"); err != nil {
		t.Error(err)
	}
	for range 3 {
		shown = p.waitIssued("two.a.test", shown)
		if lifetime := shown.NotAfter.Sub(shown.NotBefore); lifetime > time.Minute {
			t.Fatalf("a certificate is good for %v; want the profile's 6s, at each renewal", lifetime)
		}
	}
	line := p.log.find("certificate is in use", "host", "*.a.test", "profile", "short")
	if line == nil || line["renewal"] == nil || line["renewal_by"] == nil {
		t.Errorf("got %v; want a line that says when it will be renewed, and why then", line)
	}
	p.end()
	// One in a hundred orders gets an authorization that is there, whatever pebble is told.
	validated := strings.Count(server.log.String(), "set VALID by")
	if left := names.left(); left != "" || validated < 2 || names.changed() < 2*validated {
		t.Errorf("%d changes of records for %d validations, and %q are left; want two for each, and none left", names.changed(), validated, left)
	}
}

// TestACMEByProgram has a program that puts the records up, for a name and its wildcard.
func TestACMEByProgram(t *testing.T) {
	t.Parallel()
	b, names, file := newBackend(t, nil), startNames(t), filepath.Join(t.TempDir(), "record")
	text := "#!/bin/sh\ncase \"$2\" in present) m=PUT;; cleanup) m=DELETE;; esac\nexec curl -sS -f -X $m \"$1/$3?$4\"\n"
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	server := startPebble(t, validation{seconds: 90 * 24 * 3600, names: names})
	dns := fmt.Sprintf(", dns: {provider: exec, exec: [%q, %q], timeout: 20s, resolvers: [%q]}", file, names.web, names.address)
	p := start(t, managed(members(b), "", "acme: "+server.section(t.TempDir(), `a.test, "*.a.test"`, dns)))
	if one, two := p.waitIssued("a.test", nil), p.waitIssued("b.a.test", nil); one.Equal(two) || two.VerifyHostname("b.a.test") != nil {
		t.Errorf("got certificates of %q and %q", one.DNSNames, two.DNSNames)
	}
	eventually(t, "the records are gone", names.left)
}

// TestRecordsAreRemovedAtTheEnd ends the proxy while it waits for a record to be seen.
func TestRecordsAreRemovedAtTheEnd(t *testing.T) {
	b, names := newBackend(t, nil), startNames(t)
	names.do(func() { names.silent = true })
	server := startPebble(t, validation{seconds: 90 * 24 * 3600, names: names})
	p := start(t, managed(members(b), "", "acme: "+server.section(t.TempDir(), "a.test", ", "+names.updates())))
	eventually(t, "a record", func() string {
		if names.left() == "" {
			return "none"
		}
		return ""
	})
	began := time.Now()
	p.end()
	if left := names.left(); left != "" || time.Since(began) > 10*time.Second {
		t.Errorf("%q is left after an end of %v", left, time.Since(began))
	}
}

// TestDNSThatRefuses has a key that the name server does not know: the host goes without, and
// the log and a counter say why.
func TestDNSThatRefuses(t *testing.T) {
	t.Parallel()
	b, names := newBackend(t, nil), startNames(t)
	server := startPebble(t, validation{seconds: 90 * 24 * 3600, names: names})
	dns := fmt.Sprintf(", dns: {provider: rfc2136, server: %q, key_name: other, key_secret: %q, resolvers: [%q]}", names.address, tsigSecret, names.address)
	p := start(t, managed(members(b), "", "acme: "+server.section(t.TempDir(), "a.test", dns)))
	p.waitFailed("a.test", "cannot add the record _acme-challenge.a.test.")
}
