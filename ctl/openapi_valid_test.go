package ctl

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// goodBodies are bodies that calls take, by operation.
var goodBodies = map[string]string{
	"addBackend": `{"address":"10.0.0.1:8080","weight":3,"backup":true,"zone":"a"}`, "patchBackend": `{"weight":1,"state":"drain"}`,
	"putConfig": `{}`, "openSession": `{"token":"secret-read"}`,
}

// TestAnswersAreAsTheDocumentSays has a library that knows nothing of this package check
// the document, and the answers of a running server against it.
func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	s := start(t, Options{Tokens: oneOfEach(), MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	doc, err := libopenapi.NewDocument(s.document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("the document: %s: %s %v", p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
	const write = "secret-write"
	for i := range s.endpoints {
		e := &s.endpoints[i]
		path := strings.NewReplacer("{pool}", "api", "{address}", "10.0.0.1:8080", "{profile}", "heap").Replace(e.pattern)
		query := map[string]string{"putConfig": "?dry_run=1"}[e.doc.id]
		body := goodBodies[e.doc.id]
		for _, c := range []struct{ name, target, token, body string }{
			{"as it should be", path + query, write, body},
			{"without a token", path + query, "", body},
			{"with a wrong token", path + query, "wrong", body},
			{"with a lower role", path + query, "secret-metrics", body},
			{"unknown parameter", path + "?x=1", write, body},
			{"broken body", path + query, write, strings.Replace(body, "}", "", 1)},
			{"unknown key", path + query, write, strings.Replace(body, "{", `{"x":1,`, 1)},
			{"first page", path + "?limit=1", write, body},
			{"nothing of this name", strings.Replace(path, "/api/v1/pools/api", "/api/v1/pools/none", 1) + query, write, body},
		} {
			t.Run(e.doc.id+"/"+c.name, func(t *testing.T) {
				rq, err := http.NewRequestWithContext(t.Context(), e.method, "http://"+s.Addr().String()+c.target, strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				if c.token != "" {
					rq.Header.Set("Authorization", "Bearer "+c.token)
				}
				if c.body != "" {
					rq.Header.Set("Content-Type", typeJSON)
				}
				rs, err := http.DefaultClient.Do(rq)
				if err != nil {
					t.Fatal(err)
				}
				body := io.Reader(rs.Body)
				if rs.Header.Get("Content-Type") == typeEvents {
					body = io.LimitReader(body, 3) // the first comment
				}
				text, err := io.ReadAll(body)
				if err != nil {
					t.Fatal(err)
				}
				if err := rs.Body.Close(); err != nil {
					t.Fatal(err)
				}
				rs.Body = io.NopCloser(bytes.NewReader(text))
				if ok, problems := v.ValidateHttpResponse(rq, rs); !ok {
					for _, p := range problems {
						t.Errorf("%d %s: %s: %s %v", rs.StatusCode, text, p.Message, p.Reason, p.SchemaValidationErrors)
					}
				}
			})
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestValidatorNotices shows that the check above can fail.
func TestValidatorNotices(t *testing.T) {
	s := New(Options{})
	doc, err := libopenapi.NewDocument(s.document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/health", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]bool{`{"status":"ok"}`: true, `{"status":1}`: false, `{}`: false} {
		rs := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {typeJSON}}, Body: io.NopCloser(strings.NewReader(body)), Request: rq}
		if ok, problems := v.ValidateHttpResponse(rq, rs); ok != want {
			t.Errorf("%s: got %v %s; want %v", body, ok, fmt.Sprint(problems), want)
		}
	}
}
