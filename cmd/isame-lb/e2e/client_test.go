package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// answer is a finished response.
type answer struct {
	status  int
	header  http.Header
	trailer http.Header
	body    []byte
	// closes says whether the message announced the end of the connection.
	closes bool
}

// exchange sends one request and reads the whole answer.
func exchange(t *testing.T, request *http.Request) answer {
	t.Helper()
	a, err := tryExchange(http.DefaultClient, request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	return a
}

func tryExchange(client *http.Client, request *http.Request) (answer, error) {
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, response.Trailer, body, response.Close}, err
}

// request builds a request with fields (name, value, name, value).
func request(t *testing.T, method, url, body string, fields ...string) *http.Request {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		t.Fatalf("cannot make a request: %v", err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "Host" {
			r.Host = fields[i+1]
			continue
		}
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// get fetches a URL with fields.
func get(t *testing.T, url string, fields ...string) answer {
	t.Helper()
	return exchange(t, request(t, http.MethodGet, url, "", fields...))
}

// seen decodes what a backend described.
func (a answer) seen(t *testing.T) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal(a.body, &s); err != nil {
		t.Fatalf("status %d, not an answer of a backend: %v\n%s", a.status, err, a.body)
	}
	return s
}

// wantStatus fails when the status is another one.
func (a answer) wantStatus(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("got status %d; want %d\n%v\n%s", a.status, status, a.header, a.body)
	}
	return a
}

// freshClient has connections of its own, none of which is kept.
func freshClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// curl runs the real curl and returns what it printed.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryCurl(t, args...)
	if err != nil {
		t.Fatalf("curl %q: %v", args, err)
	}
	return out
}

// tryCurl is curl that may fail; its error has what curl says.
func tryCurl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	needProgram(t, "curl", "curl")
	var stdout, stderr bytes.Buffer
	command := exec.Command("curl", append([]string{"--silent", "--show-error", "--max-time", "20", "--noproxy", "*"}, args...)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return stdout.String(), nil
}
