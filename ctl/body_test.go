package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// sampleBody has a field of every kind that bodies have.
type sampleBody struct {
	sampleEmbedded
	Text   string             `json:"text"`
	Yes    bool               `json:"yes"`
	Whole  int                `json:"whole"`
	Large  int64              `json:"large"`
	Count  uint64             `json:"count"`
	Number float64            `json:"number"`
	Maybe  *int               `json:"maybe"`
	List   []string           `json:"list"`
	Names  map[string]float64 `json:"names"`
	Below  struct {
		Text string `json:"text"`
	} `json:"below"`
	At      time.Time        `json:"at"`
	Any     any              `json:"any"`
	Objects map[string][]any `json:"objects"`
}

type sampleEmbedded struct {
	Inner string `json:"inner"`
}

func TestDecode(t *testing.T) {
	const full = `{"text":"a\u00e9\ud83d\ude00\n\/","yes":true,"whole":-3,"large":9223372036854775807,"count":18446744073709551615,"number":1.25e-3,
		"maybe":0,"list":["a",""],"names":{"x":1,"":2},"below":{"text":"b"},"at":"2026-01-02T03:04:05Z","any":{"a":[1,"x",null,false]},"objects":{"o":["t",1]},"inner":"c"}`
	var got, want sampleBody
	if err := decode([]byte(full), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(full), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

// TestDecodeIsStrict sends what other readers take, or take differently.
func TestDecodeIsStrict(t *testing.T) {
	deep := strings.Repeat("[", 400) + strings.Repeat("]", 400)
	for _, c := range []struct {
		name, body string
		status     int
		want       string // the path of the first problem, or a part of the detail
	}{
		{"nothing", "", 400, "a JSON body is needed"},
		{"blanks", " \n\t", 400, "a JSON body is needed"},
		{"plus", `{"whole":+1}`, 400, "not one JSON text: invalid character '+'"},
		{"bare fraction", `{"number":.5}`, 400, "not one JSON text"},
		{"fraction without digits", `{"number":5.}`, 400, "not one JSON text"},
		{"leading zero", `{"whole":01}`, 400, "not one JSON text"},
		{"hexadecimal", `{"whole":0x1}`, 400, "not one JSON text"},
		{"not a number", `{"number":NaN}`, 400, "not one JSON text"},
		{"infinite", `{"number":-Infinity}`, 400, "not one JSON text"},
		{"comma at the end", `{"whole":1,}`, 400, "not one JSON text"},
		{"comment", `{"whole":1}//`, 400, "not one JSON text"},
		{"two values", `{}{}`, 400, "not one JSON text"},
		{"half", `{"whole":`, 400, "not one JSON text"},
		{"single quotes", `{'whole':1}`, 400, "not one JSON text"},
		{"byte order mark", "\xef\xbb\xbf{}", 400, "not one JSON text"},
		{"tab in text", "{\"text\":\"a\tb\"}", 400, "not one JSON text"},
		{"unknown escape", `{"text":"\x41"}`, 400, "not one JSON text"},
		{"form feed as a blank", "{\f}", 400, "not one JSON text"},
		{"not UTF-8", "{\"text\":\"\xff\"}", 400, "not UTF-8"},
		{"half a character", `{"text":"\ud83d"}`, 400, "byte 10"},
		{"the other half", `{"text":"\ude00x"}`, 400, "unpaired"},
		{"halves the wrong way round", `{"text":"\ude00\ud83d"}`, 400, "unpaired"},
		{"half a character in a key", `{"\ud83dx":1}`, 400, "unpaired"},
		{"too deep", `{"any":` + deep + `}`, 400, "300 levels"},

		{"list", `[]`, 422, "must be an object, not a list"},
		{"null", `null`, 422, "must be an object, not null"},
		{"unknown key", `{"below":{"txet":"x"}}`, 422, "below.txet"},
		{"key in another case", `{"Text":"x"}`, 422, "Text"},
		{"key twice", `{"text":"a","text":"a"}`, 422, "text"},
		{"key twice, escaped", `{"text":"a","\u0074ext":"b"}`, 422, "text"},
		{"name twice", `{"names":{"a":1,"a":2}}`, 422, "names.a"},
		{"key twice far below", `{"any":[{"a":{"b":1,"b":2}}]}`, 422, "any[0].a.b"},
		{"null for a value", `{"maybe":null}`, 422, "maybe"},
		{"null for a list", `{"list":null}`, 422, "list"},
		{"null in a list", `{"list":["a",null]}`, 422, "list[1]"},
		{"number as text", `{"whole":"1"}`, 422, "whole"},
		{"text as number", `{"text":1}`, 422, "text"},
		{"word as text", `{"yes":"true"}`, 422, "yes"},
		{"fraction", `{"whole":1.0}`, 422, "whole"},
		{"exponent", `{"whole":1e2}`, 422, "whole"},
		{"too large", `{"large":9223372036854775808}`, 422, "large"},
		{"negative", `{"count":-1}`, 422, "count"},
		{"infinite by its size", `{"number":1e999}`, 422, "number"},
		{"no time", `{"at":"yesterday"}`, 422, "at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v sampleBody
			err := decode([]byte(c.body), &v)
			var p *api.Problem
			if !errors.As(err, &p) || p.Status != c.status {
				t.Fatalf("got %v; want %d", err, c.status)
			}
			if c.status == 400 && !strings.Contains(p.Detail, c.want) {
				t.Errorf("got %q; want %q in it", p.Detail, c.want)
			}
			if c.status == 422 && (len(p.Errors) == 0 || p.Errors[0].Path != c.want && p.Errors[0].Message != c.want) {
				t.Errorf("got %+v; want %q", p.Errors, c.want)
			}
		})
	}
}

func TestDecodeNamesEveryProblem(t *testing.T) {
	var v sampleBody
	var p *api.Problem
	err := decode([]byte(`{"whole":"secret","a/b~c":1,"list":[1,"x",{}]}`), &v)
	if !errors.As(err, &p) {
		t.Fatalf("got %v; want a problem", err)
	}
	want := []api.ConfigProblem{
		{Text: "whole: must be a whole number, not text", Path: "whole", Pointer: "/whole", Message: "must be a whole number, not text"},
		{Text: "a/b~c: unknown key", Path: "a/b~c", Pointer: "/a~1b~0c", Message: "unknown key"},
		{Text: "list[0]: must be text, not a number", Path: "list[0]", Pointer: "/list/0", Message: "must be text, not a number"},
		{Text: "list[2]: must be text, not an object", Path: "list[2]", Pointer: "/list/2", Message: "must be text, not an object"},
	}
	if !reflect.DeepEqual(p.Errors, want) {
		t.Errorf("got %+v; want %+v", p.Errors, want)
	}
	if strings.Contains(p.Error(), "secret") {
		t.Errorf("got %q; want no value of the body", p.Error())
	}
}

// FuzzDecode compares decode with encoding/json: what decode takes, encoding/json takes
// as well, and understands in the same way; and what no JSON reader may take is refused.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","yes":true,"whole":-3,"large":1,"count":2,"number":1.5e3,"maybe":0}`, `{"list":["a"],"names":{"x":1},"below":{"text":"b"}}`,
		`{"any":{"a":[1,"x",null,{"b":false}]},"objects":{"o":[1]},"inner":"c","at":"2026-01-02T03:04:05Z"}`, `{"text":"\ud83d\ude00\\u\"","TEXT":1}`,
		`{"whole":+1}`, `{"number":.5}`, `{"number":-0}`, `{"a":1,"a":2}`, `[]`, `null`, ``, `{"\u0074ext":"\u0000"}`, `{"number":123456789012345678901234567890.1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want sampleBody
		given := bytes.Clone(body)
		err := decode(body, &got)
		if !bytes.Equal(body, given) {
			t.Fatal("the body was changed")
		}
		if !json.Valid(body) {
			if err == nil {
				t.Fatalf("%q is no JSON, and was taken", body)
			}
			return
		}
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q: encoding/json refuses: %v", body, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %+v; encoding/json %+v", body, got, want)
		}
	})
}
