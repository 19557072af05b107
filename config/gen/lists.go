package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// stringsIn returns the texts of the list a function returns.
func stringsIn(file, function string) ([]string, error) {
	body, err := functionIn(file, function)
	if err != nil {
		return nil, err
	}
	var texts []string
	ast.Inspect(body, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, unquoteErr := strconv.Unquote(literal.Value)
			if unquoteErr == nil {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts, nil
}

// functionIn finds a function by name.
func functionIn(file, function string) (*ast.BlockStmt, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot parse %q: %w", file, err)
	}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == function {
			return f.Body, nil
		}
	}
	return nil, fmt.Errorf("cannot find %s in %q", function, file)
}
