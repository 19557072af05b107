package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestVocabularyParses(t *testing.T) {
	t.Parallel()
	answer := Vocabulary{Answer: true}
	groups := Vocabulary{Groups: []string{"", "", "user"}}
	own := Vocabulary{Registered: []string{"tenant"}}
	for _, tt := range []struct {
		text  string
		v     Vocabulary
		parts []Part
	}{
		{"", Vocabulary{}, nil},
		{"plain $1 $x", Vocabulary{}, []Part{{Text: "plain $1 $x"}}},
		{"a} b", Vocabulary{}, []Part{{Text: "a} b"}}},
		{"{{name}", Vocabulary{}, []Part{{Text: "{name}"}}},
		{"{{{host}", Vocabulary{}, []Part{{Text: "{"}, {Variable: "host"}}},
		{"a{host}b{uri|escape}", Vocabulary{}, []Part{{Text: "a"}, {Variable: "host"}, {Text: "b"}, {Variable: "uri", Escape: true}}},
		{"{header.X-User}{header.a.b}", Vocabulary{}, []Part{{Variable: "header", Name: "x-user"}, {Variable: "header", Name: "a.b"}}},
		{"{cookie.SID}{query}{query.a b}", Vocabulary{}, []Part{{Variable: "cookie", Name: "SID"}, {Variable: "query"}, {Variable: "query", Name: "a b"}}},
		{"{claim.https://e.com/r|escape}", Vocabulary{}, []Part{{Variable: "claim", Name: "https://e.com/r", Escape: true}}},
		{"{tls.sni}{tls.subject}", Vocabulary{}, []Part{{Variable: "tls.sni"}, {Variable: "tls.subject"}}},
		{"{status}{backend}{response.header.ETag}", answer, []Part{{Variable: "status"}, {Variable: "backend"}, {Variable: "response.header", Name: "etag"}}},
		{"{tenant}", own, []Part{{Variable: "tenant"}}},
		{"$1${user}$0", groups, []Part{{Variable: "group", Name: "1"}, {Variable: "group", Name: "2"}, {Variable: "group", Name: "0"}}},
		{"$$1 $ $x${2}3{host}", groups, []Part{{Text: "$1 $ $x"}, {Variable: "group", Name: "2"}, {Text: "3"}, {Variable: "host"}}},
	} {
		if got, err := tt.v.Parse(tt.text); err != nil || !reflect.DeepEqual(got, tt.parts) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.text, got, err, tt.parts)
		}
	}
}

func TestBadTemplates(t *testing.T) {
	t.Parallel()
	groups := Vocabulary{Groups: []string{"", ""}}
	for _, tt := range []struct {
		text, want string
		v          Vocabulary
	}{
		{"{}", "{} is no variable: there are method, scheme", Vocabulary{}},
		{"a {host", `"{host" begins with a brace that nothing ends: write {{ for a brace`, Vocabulary{}},
		{"{host{uri}", `"{host{uri}" begins with a brace`, Vocabulary{}},
		{"{hots}", "{hots} is no variable (did you mean {host}?)", Vocabulary{}},
		{"{remote_addr}", "(did you mean {client_ip}?)", Vocabulary{}},
		{"{$DOMAIN}", "{$DOMAIN} is no variable (did you mean ${ENV:DOMAIN}?)", Vocabulary{}},
		{"{$DOMAIN:a.test}", "(did you mean ${ENV:DOMAIN:-a.test}?)", Vocabulary{}},
		{"{env.DOMAIN}", "(did you mean ${ENV:DOMAIN}?)", groups},
		{"{host|escpae}", "{host|escpae} has no known filter behind the bar: there is escape (did you mean \"escape\"?)", Vocabulary{}},
		{"{status}", "{status} exists in answers only", Vocabulary{}},
		{"{response.header.X}", "{response.header.X} exists in answers only", Vocabulary{}},
		{"{response.header}", "{response.header} needs a name behind the dot", Vocabulary{Answer: true}},
		{"{header}", "{header} needs a name behind the dot", Vocabulary{}},
		{"{cookie.}", "{cookie.} needs a name behind the dot", Vocabulary{}},
		{"{cookie.a b}", "{cookie.a b} has a name that cannot be one", Vocabulary{}},
		{"{response.header.a b}", "has a name that cannot be one", Vocabulary{Answer: true}},
		{"{tenant}", "{tenant} is no variable", Vocabulary{}},
		{"$2", "$2 names a group that regex does not have: it has 1", groups},
		{"${x}", "$x names a group that regex does not have", groups},
		{"${}", "names a group that regex does not have", groups},
		{"${1", `"${1" begins with a brace that nothing ends: write $$ for a $`, groups},
		{"{" + strings.Repeat("x", 1000) + "}", "xxx...} is no variable", Vocabulary{}},
	} {
		if _, err := tt.v.Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %s", tt.text, err, tt.want)
		}
	}
}

// FuzzTemplate parses arbitrary texts: what is accepted and written again parses to the
// same, and no text has a brace of its own that is not written as two.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"", "a{host}b", "{{x}", "{header.X-A|escape}", "$1${user}$$", "{", "}", "{claim.a|b}", "{response.header.X}${0}"} {
		f.Add(seed, true, true)
		f.Add(seed, false, false)
	}
	f.Fuzz(func(t *testing.T, text string, answer, groups bool) {
		v := Vocabulary{Answer: answer}
		if groups {
			v.Groups = []string{"", "user"}
		}
		parts, err := v.Parse(text)
		if err != nil {
			return
		}
		again, err := v.Parse(unparse(parts, groups))
		if err != nil || !reflect.DeepEqual(again, parts) {
			t.Fatalf("%q: got %+v, %v; want %+v", text, again, err, parts)
		}
	})
}

// unparse is the reverse of Parse.
func unparse(parts []Part, groups bool) string {
	var b strings.Builder
	for _, p := range parts {
		switch p.Variable {
		case VariableGroup:
			b.WriteString("${" + p.Name + "}")
		case "":
			text := strings.ReplaceAll(p.Text, "{", "{{")
			if groups {
				text = strings.ReplaceAll(text, "$", "$$")
			}
			b.WriteString(text)
		default:
			name := p.Variable
			if p.Name != "" {
				name += "." + p.Name
			}
			if p.Escape {
				name += "|escape"
			}
			b.WriteString("{" + name + "}")
		}
	}
	return b.String()
}
