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
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	r := reference{schema: s, first: map[string]string{}}
	r.b.WriteString(strings.ReplaceAll(intro, "{{restart}}", codes(restart)))
	if err := r.write("Config", place{}); err != nil {
		return "", err
	}
	return strings.TrimRight(r.b.String(), "\n") + "\n", nil
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
	// stage is the type of middleware whose keys these are, or "".
	stage string
}

// key is one field with a koanf tag.
type key struct {
	name string
	typ  string // as in Go
	doc  string
	tag  reflect.StructTag
}

// readSchema parses the types of schema.go, of its parts schema_*.go, and of the types
// of middleware in stage_*.go.
func readSchema(dir string) (schema, error) {
	files, err := filepath.Glob(dir + "/schema*.go")
	if err != nil {
		return nil, fmt.Errorf("cannot find the schema: %w", err)
	}
	stages, err := filepath.Glob(dir + "/stage_*.go")
	if err != nil {
		return nil, fmt.Errorf("cannot find the types of middleware: %w", err)
	}
	files = append(files, slices.DeleteFunc(stages, func(file string) bool { return strings.HasSuffix(file, "_test.go") })...)
	s := schema{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("cannot parse the schema: %w", err)
		}
		s.add(parsed, stageOf(file))
	}
	s.embed()
	return s, nil
}

// stageOf is the type of middleware that a file is about, or "".
func stageOf(file string) string {
	name, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(file), ".go"), "stage_")
	if !ok {
		return ""
	}
	return name
}

// embed puts the keys of embedded structs in their place.
func (s schema) embed() {
	for typ, sec := range s {
		var keys []key
		for _, k := range sec.keys {
			if k.name == "" {
				keys = append(keys, s[k.typ].keys...)
			} else {
				keys = append(keys, k)
			}
		}
		sec.keys = keys
		s[typ] = sec
	}
}

// add takes the struct types of one file; the first one of a type of middleware holds
// its keys.
func (s schema) add(parsed *ast.File, stage string) {
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
				s[typ.Name.Name] = section{doc: sentence(general.Doc), keys: keysOf(fields), stage: stage}
				stage = ""
			}
		}
	}
}

// keysOf returns the fields of a struct that are keys of a file.
func keysOf(fields *ast.StructType) []key {
	var keys []key
	for _, field := range fields.Fields.List {
		if len(field.Names) == 0 {
			keys = append(keys, key{typ: typeName(field.Type)})
			continue
		}
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

// place is where a section stands.
type place struct {
	path  string
	stage string // the type of middleware it belongs to, or ""
}

// title is the place as a heading.
func (p place) title() string {
	switch {
	case p.path == "":
		return "Top level"
	case p.stage == registered:
		return "`" + p.path + "` of a type that a program has registered"
	case p.stage != "":
		return "`" + p.path + "` of type `" + p.stage + "`"
	default:
		return "`" + p.path + "`"
	}
}

// named stands behind the path of sections that have names.
const named = ".NAME"

// registered stands for the types of middleware that programs of users have.
const registered = "registered"

// reference renders sections.
type reference struct {
	schema
	b strings.Builder
	// first is where a type that may stand in several places stands first.
	first map[string]string
}

// write renders a section and then those below it.
func (r *reference) write(typ string, at place) error {
	sec, ok := r.schema[typ]
	if !ok {
		return fmt.Errorf("type %s of %s is not in the schema", typ, at.path)
	}
	fmt.Fprintf(&r.b, "### %s\n\n", at.title())
	if at.path != "" {
		fmt.Fprintf(&r.b, "%s\n\n", about(typ, sec.doc))
	}
	if was := r.first[typ]; was != "" {
		fmt.Fprintf(&r.b, "The keys are those of `%s`.\n\n", was)
		return nil
	}
	if slices.Contains([]string{"Condition", "Predicates", "Match", "ClientTLS", "ClientAuth", "Retry", "PoolTimeouts"}, typ) {
		r.first[typ] = at.path
	}
	r.b.WriteString("| key | type | default | meaning | example |\n|---|---|---|---|---|\n")
	for _, k := range sec.keys {
		fmt.Fprintf(&r.b, "| `%s` | %s | %s | %s | %s |\n",
			k.name, cell(r.typeCell(k)), cell(k.defaultCell()), cell(k.doc), cell(k.exampleCell()))
	}
	r.b.WriteByte('\n')
	for _, k := range sec.keys {
		below, element := below(k.typ)
		if _, isSection := r.schema[below]; !isSection {
			continue
		}
		if err := r.write(below, place{strings.TrimPrefix(at.path+"."+k.name, ".") + element, at.stage}); err != nil {
			return err
		}
	}
	if typ == "Middleware" {
		return r.writeStages(at.path)
	}
	return nil
}

// writeStages renders the keys of each type of middleware, and of those that programs register.
func (r *reference) writeStages(path string) error {
	stages := r.stages()
	for _, name := range slices.Sorted(maps.Keys(stages)) {
		if err := r.write(stages[name], place{path, name}); err != nil {
			return err
		}
	}
	return r.write("StageHandler", place{path, registered})
}

// stages are the structs of the types of middleware, by the name of the type.
func (s schema) stages() map[string]string {
	types := map[string]string{}
	for typ, sec := range s {
		if sec.stage != "" {
			types[sec.stage] = typ
		}
	}
	return types
}

// about turns "Listener is one address" into "One address", and leaves other
// comments as they are.
func about(typ, doc string) string {
	doc = strings.TrimPrefix(doc, typ+" ")
	return upperFirst(strings.TrimPrefix(strings.TrimPrefix(doc, "is "), "are "))
}

// below returns the type inside of a list, map or pointer, and how a path goes on.
func below(typ string) (inner, element string) {
	if inner, ok := strings.CutPrefix(typ, "map[string]"); ok {
		return inner, named
	}
	if inner, ok := strings.CutPrefix(typ, "[]"); ok {
		return inner, "[]"
	}
	return strings.TrimPrefix(typ, "*"), ""
}

func (s schema) typeCell(k key) string {
	inner, element := below(k.typ)
	if _, isSection := s[inner]; isSection {
		return s.sectionCell(k, inner, element)
	}
	switch {
	case k.tag.Get("stage") == yes:
		return "`" + strings.Join(slices.Sorted(maps.Keys(s.stages())), "`, `") + "`"
	case k.typ == "map[string]any":
		return "any values, by name"
	case element == named && strings.HasPrefix(inner, "[]"):
		return "names of lists of " + plural(inner)
	case element == named:
		return "names of " + plural(inner) + k.secrets() + k.template()
	case element == "[]" && k.tag.Get("enum") != "":
		return "list of " + enumCell(k)
	case element == "[]" && k.tag.Get("single") == yes:
		return plural(inner) + ", or a list" + k.template()
	case element == "[]":
		return "list of " + plural(inner)
	default:
		return scalar(k) + k.template()
	}
}

// sectionCell names the type of a key below which there are sections of keys.
func (s schema) sectionCell(k key, inner, element string) string {
	switch {
	case element == named && s.isShort(inner):
		return "names of text or sections" + k.secrets()
	case element == named:
		return "names of sections"
	case element == "[]" && k.tag.Get("single") == yes:
		return "section, or list of sections"
	case element == "[]":
		return "list of sections"
	case strings.HasPrefix(k.typ, "*"):
		return "section, optional"
	default:
		return "section"
	}
}

// isShort reports whether text may stand for a section of the type.
func (s schema) isShort(typ string) bool {
	return slices.ContainsFunc(s[typ].keys, func(k key) bool { return k.tag.Get("short") == yes })
}

// secrets says whether values are such where their names say so.
func (k key) secrets() string {
	if k.tag.Get("secrets") == yes {
		return "; `secrets`"
	}
	return ""
}

// template says whether a value is one.
func (k key) template() string {
	var text string
	switch k.tag.Get("vars") {
	case "":
		return ""
	case "answer":
		text = "; `vars`, of the answer too"
	default:
		text = "; `vars`"
	}
	if k.tag.Get("groups") == yes {
		text += ", and groups"
	}
	return text
}

// enumCell lists what a key takes.
func enumCell(k key) string {
	return "`" + strings.ReplaceAll(k.tag.Get("enum"), "|", "`, `") + "`"
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
	if k.tag.Get("enum") != "" {
		return enumCell(k)
	}
	if k.tag.Get("file") != "" {
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
