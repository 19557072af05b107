package ctl

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite fields.json")

// TestDescriptionsAreFresh compares fields.json with the doc comments it was
// made of; go generate ./ctl rewrites it.
func TestDescriptionsAreFresh(t *testing.T) {
	files, err := filepath.Glob("api/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, file := range append(files, "../pool/status.go", "../pool/health/status.go", "index.go") {
		if !strings.HasSuffix(file, "_test.go") {
			addDescriptions(t, fields, file)
		}
	}
	want, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("fields.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(fieldsJSON, want) {
		t.Error("fields.json is stale: run go generate ./ctl")
	}
}

// addDescriptions collects the comments of the structs of one file.
func addDescriptions(t *testing.T, fields map[string]string, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			structure, ok := named.Type.(*ast.StructType)
			if !ok {
				continue
			}
			name := strings.ToUpper(named.Name.Name[:1]) + named.Name.Name[1:]
			if file.Name.Name == "pool" && (name == "Status" || name == "Summary") {
				name = "Pool" + name
			}
			put(fields, name, group.Doc)
			for _, field := range structure.Fields.List {
				if len(field.Names) == 1 && field.Tag != nil {
					put(fields, name+"."+field.Names[0].Name, field.Doc)
				}
			}
		}
	}
}

// put notes a comment as one line.
func put(fields map[string]string, name string, doc *ast.CommentGroup) {
	if text := strings.Join(strings.Fields(doc.Text()), " "); text != "" {
		fields[name] = text
	}
}

func TestDocumentDescribesFields(t *testing.T) {
	for _, want := range []string{
		`"description":"Generation counts the configurations that took effect, from 1."`,
		`"description":"Breaker is closed, half-open or open."`,
	} {
		if !strings.Contains(string(New(Options{}).document), want) {
			t.Errorf("got no %s", want)
		}
	}
}
