package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCurlFollowsToHTTPS comes in clear text and goes on by https, where it is told
// to stay.
func TestCurlFollowsToHTTPS(t *testing.T) {
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	text := func(redirect string) string {
		return managed(members(b), `clear: {address: "localhost:0"`+redirect+`}`, fmt.Sprintf(
			"certificates: [{cert_file: %q, key_file: %q}], hsts: {max_age: 1h, include_subdomains: true}", c.certFile, c.keyFile))
	}
	p := start(t, text(""))
	plain, secure := portOf(t, p.addressOf("clear")), portOf(t, p.addressOf("web"))
	p.reload(text(", redirect_https: {port: "+secure+"}"), "applied")
	out := curl(t, "--include", "--location", "--cacert", c.certFile, "--resolve", "a.test:"+plain+":127.0.0.1", "--resolve", "a.test:"+secure+":127.0.0.1",
		"--data-binary", "hello", "http://a.test:"+plain+"/x?y=z")
	for _, want := range []string{
		"HTTP/1.1 308 ", "Location: https://a.test:" + secure + "/x?y=z\r\n", "HTTP/2 200 ", "strict-transport-security: max-age=3600; includeSubDomains\r\n",
		`"method":"POST"`, `"uri":"/x?y=z"`, `"body":"hello"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %s:\n%s", want, out)
		}
	}
	if strings.Count(strings.ToLower(out), "strict-transport-security") != 1 {
		t.Errorf("the redirect in clear text has Strict-Transport-Security, too:\n%s", out)
	}
}

// TestBackendsLearnOfClientCertificates has the files of the authority replaced in
// between, without a signal.
func TestBackendsLearnOfClientCertificates(t *testing.T) {
	b, c, known, next := newBackend(t, nil), newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known"), newPair(t, tomorrow(), "next")
	authority := newPair(t, tomorrow(), "nobody")
	replaceFile(t, authority.certFile, textOf(t, known.certFile))
	p := start(t, overTLS(members(b), fmt.Sprintf(
		", client_auth: {mode: require, ca_file: %q, headers: {X-Client-Dn: subject, X-Client-San: san, X-Client-Verify: verified}}", authority.certFile), "", c))
	ask := func(with *pair) string {
		out, err := tryCurl(t, "--cacert", c.certFile, "--resolve", "a.test:"+portOf(t, p.address())+":127.0.0.1", "--cert", with.certFile, "--key", with.keyFile,
			"--header", "X-Client-Dn: CN=admin", "--header", "X-CLIENT-VERIFY: SUCCESS", "https://a.test:"+portOf(t, p.address())+"/x")
		if err != nil {
			return err.Error()
		}
		return out
	}
	out := ask(known)
	for _, want := range []string{`"X-Client-Dn":["CN=known"]`, `"X-Client-San":["DNS:known"]`, `"X-Client-Verify":["SUCCESS"]`} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %s: %s", want, out)
		}
	}
	if out := ask(next); strings.Contains(out, `"uri"`) {
		t.Errorf("a stranger got %s", out)
	}
	replaceFile(t, authority.certFile, textOf(t, next.certFile))
	eventually(t, "the new authority counts", func() string {
		if out := ask(next); !strings.Contains(out, `"X-Client-Dn":["CN=next"]`) {
			return out
		}
		return ""
	})
	if out := ask(known); strings.Contains(out, `"uri"`) {
		t.Errorf("a client of the authority before got %s", out)
	}
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
