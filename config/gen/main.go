// Command gen writes config/README.md, the reference of every key, from the
// comments and tags of schema.go. It is run by `go generate ./config`.
package main

import (
	_ "embed" // for intro.md
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// yes is the value of the tags that say yes or nothing.
const yes = "true"

//go:embed intro.md
var intro string

func main() {
	dir := flag.String("dir", ".", "the folder of the config package")
	flag.Parse()
	text, err := generate(*dir)
	if err == nil {
		err = os.WriteFile(*dir+"/README.md", []byte(text), 0o644) //nolint:gosec // documentation is for everybody
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate renders the whole reference.
func generate(dir string) (string, error) {
	s, err := readSchema(dir)
	if err != nil {
		return "", err
	}
	restart, err := stringsIn(dir+"/reload.go", "restartKeys")
	if err != nil {
		return "", err
	}
	unsupported, err := unsupportedIn(dir + "/unsupported.go")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(strings.NewReplacer(
		"{{restart}}", codes(restart),
		"{{unsupported}}", codes(unsupported),
	).Replace(intro))
	if err := s.write(&b, "Config", ""); err != nil {
		return "", err
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// codes renders a list of keys in one line.
func codes(keys []string) string {
	quoted := make([]string, len(keys))
	for i, key := range keys {
		quoted[i] = "`" + key + "`"
	}
	return strings.Join(quoted, ", ")
}

// schema holds the struct types of schema.go by name.
type schema map[string]section

type section struct {
	doc  string
	keys []key
}

// key is one field with a koanf tag.
type key struct {
	name string
	typ  string // as in Go
	doc  string
	tag  reflect.StructTag
}

// readSchema parses the types of schema.go, and of its parts schema_*.go.
func readSchema(dir string) (schema, error) {
	files, err := filepath.Glob(dir + "/schema*.go")
	if err != nil {
		return nil, fmt.Errorf("cannot find the schema: %w", err)
	}
	s := schema{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("cannot parse the schema: %w", err)
		}
		s.add(parsed)
	}
	return s, nil
}

// add takes the struct types of one file.
func (s schema) add(parsed *ast.File) {
	for _, decl := range parsed.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			typ, isType := spec.(*ast.TypeSpec)
			if !isType {
				continue
			}
			if fields, isStruct := typ.Type.(*ast.StructType); isStruct {
				s[typ.Name.Name] = section{doc: sentence(general.Doc), keys: keysOf(fields)}
			}
		}
	}
}

// keysOf returns the fields of a struct that are keys of a file.
func keysOf(fields *ast.StructType) []key {
	var keys []key
	for _, field := range fields.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
		name := tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		doc := strings.TrimPrefix(sentence(field.Doc), field.Names[0].Name+" ")
		doc = strings.TrimPrefix(strings.TrimPrefix(doc, "is "), "are ")
		keys = append(keys, key{name: name, typ: typeName(field.Type), doc: upperFirst(doc), tag: tag})
	}
	return keys
}

// sentence joins the lines of a comment.
func sentence(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// typeName renders the type expressions that schema.go uses.
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.StarExpr:
		return "*" + typeName(t.X)
	case *ast.ArrayType:
		return "[]" + typeName(t.Elt)
	case *ast.MapType:
		return "map[string]" + typeName(t.Value)
	case *ast.SelectorExpr:
		return t.Sel.Name
	default:
		return "?"
	}
}

// write renders a section and then those below it.
func (s schema) write(b *strings.Builder, typ, path string) error {
	sec, ok := s[typ]
	if !ok {
		return fmt.Errorf("type %s of %s is not in the schema", typ, path)
	}
	if path == "" {
		b.WriteString("### Top level\n\n")
	} else {
		fmt.Fprintf(b, "### `%s`\n\n%s\n\n", path, about(typ, sec.doc))
	}
	b.WriteString("| key | type | default | meaning | example |\n|---|---|---|---|---|\n")
	for _, k := range sec.keys {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.name, cell(s.typeCell(k)), cell(k.defaultCell()), cell(k.doc), cell(k.exampleCell()))
	}
	b.WriteByte('\n')
	for _, k := range sec.keys {
		below, element := below(k.typ)
		if _, isSection := s[below]; !isSection {
			continue
		}
		if err := s.write(b, below, strings.TrimPrefix(path+"."+k.name, ".")+element); err != nil {
			return err
		}
	}
	return nil
}

// about turns "Listener is one address" into "One address", and leaves other
// comments as they are.
func about(typ, doc string) string {
	return upperFirst(strings.TrimPrefix(strings.TrimPrefix(doc, typ+" is "), typ+" "))
}

// below returns the type inside of a list, map or pointer, and how a path goes on.
func below(typ string) (inner, element string) {
	if inner, ok := strings.CutPrefix(typ, "map[string]"); ok {
		return inner, ".NAME"
	}
	if inner, ok := strings.CutPrefix(typ, "[]"); ok {
		return inner, "[]"
	}
	return strings.TrimPrefix(typ, "*"), ""
}

func (s schema) typeCell(k key) string {
	inner, element := below(k.typ)
	_, isSection := s[inner]
	switch {
	case isSection && element == ".NAME":
		return "names of sections"
	case isSection && element == "[]":
		return "list of sections"
	case isSection && strings.HasPrefix(k.typ, "*"):
		return "section, optional"
	case isSection:
		return "section"
	case element == ".NAME":
		return "names of " + plural(inner)
	case element == "[]":
		return "list of " + plural(inner)
	default:
		return scalar(k)
	}
}

func plural(typ string) string {
	if typ == "int" {
		return "whole numbers"
	}
	return "text"
}

// scalar names the type of a single value with its unit and bounds.
func scalar(k key) string {
	name := map[string]string{
		"string": "text", "bool": "true or false", "int": "whole number", "float64": "number",
		"Duration": "duration", "Size": "size in bytes", "Secret": "text, secret",
	}[k.typ]
	if enum := k.tag.Get("enum"); enum != "" {
		return "`" + strings.ReplaceAll(enum, "|", "`, `") + "`"
	}
	if k.tag.Get("file") == yes {
		name = "path of a file"
	}
	lowest, highest := k.tag.Get("min"), k.tag.Get("max")
	switch {
	case lowest != "" && highest != "":
		return name + ", " + lowest + " to " + highest
	case lowest != "":
		return name + ", from " + lowest
	case k.tag.Get("positive") == yes:
		return name + ", above 0"
	}
	return name
}

func (k key) defaultCell() string {
	text := k.tag.Get("default")
	if strings.HasPrefix(k.typ, "[]") && text != "" {
		text = "[" + strings.ReplaceAll(text, ",", ", ") + "]"
	}
	switch {
	case k.tag.Get("required") == yes:
		return "required"
	case text != "":
		text = "`" + text + "`"
	case k.typ == "bool":
		text = "`false`"
	case k.typ == "int" || k.typ == "float64" || k.typ == "Size":
		text = "`0`"
	case k.typ == "Duration":
		text = "`0s`"
	default:
		return ""
	}
	if absent, ok := k.tag.Lookup("absent"); ok {
		text += "; without the section `" + absent + "`"
	}
	return text
}

func (k key) exampleCell() string {
	example := k.tag.Get("example")
	if example == "" {
		example = firstOf(k.tag.Get("default"), k.typ)
	}
	if example == "" {
		return ""
	}
	return "`" + k.name + ": " + example + "`"
}

// firstOf makes an example out of a default.
func firstOf(text, typ string) string {
	switch {
	case strings.HasPrefix(typ, "[]") && text != "":
		return "[" + strconv.Quote(strings.Split(text, ",")[0]) + "]"
	case text != "" && typ == "string" && strings.Trim(text, "0123456789.:") == "":
		return strconv.Quote(text)
	case text == "" && typ == "bool":
		return "true"
	case text == "" && (typ == "int" || typ == "Size"):
		return "100"
	default:
		return text
	}
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
