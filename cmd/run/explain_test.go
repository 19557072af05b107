package run

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/explain"
)

// filled sets every field to a value of its own, lists to one element; texts are those set.
func filled(v reflect.Value, n *int, texts *[]string) {
	*n++
	switch v.Kind() { //nolint:exhaustive // explanations have no others
	case reflect.String:
		text := fmt.Sprintf("text%d!", *n)
		v.SetString(text)
		*texts = append(*texts, text)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) * int64(time.Second))
		if v.Type() == reflect.TypeFor[time.Duration]() {
			*texts = append(*texts, fmt.Sprintf(":%d", *n))
		} else {
			*texts = append(*texts, fmt.Sprintf(":%d", int64(*n)*int64(time.Second)))
		}
	case reflect.Uint64:
		v.SetUint(uint64(*n))
		*texts = append(*texts, fmt.Sprintf(":%d", *n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
		*texts = append(*texts, fmt.Sprintf(":%d.5", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), n, texts)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0), n, texts)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			*texts = append(*texts, "2026-01-02T03:04:05Z")
			return
		}
		for _, field := range v.Fields() {
			filled(field, n, texts)
		}
	}
}

// Everything that the engine says comes out at the API.
func TestNothingOfAnExplanationIsLost(t *testing.T) {
	var e explain.Explanation
	var texts []string
	n := 0
	filled(reflect.ValueOf(&e).Elem(), &n, &texts)
	out, err := json.Marshal(explanationOf(&e))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(out), text) {
			t.Errorf("%q is missing in %s", text, out)
		}
	}
	bools := strings.Count(string(out), ":true")
	if want := boolsOf(reflect.TypeOf(e)); bools != want {
		t.Errorf("%d of %d bools are there: %s", bools, want, out)
	}
	if strings.Contains(string(out), "null") {
		t.Errorf("a list is null: %s", out)
	}
}

// boolsOf counts the bools of a type.
func boolsOf(t reflect.Type) (n int) {
	switch t.Kind() { //nolint:exhaustive // see above
	case reflect.Bool:
		return 1
	case reflect.Pointer, reflect.Slice:
		return boolsOf(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if t != reflect.TypeFor[time.Time]() {
				n += boolsOf(field.Type)
			}
		}
	}
	return n
}

// An empty explanation has lists all the same, for programs that walk them.
func TestListsOfAnExplanationAreNeverNull(t *testing.T) {
	out, err := json.Marshal(explanationOf(&explain.Explanation{Forward: &explain.Forward{Pools: []explain.Pool{{}}}}))
	if err != nil || strings.Contains(string(out), "null") {
		t.Errorf("got %s, %v; want no null", out, err)
	}
}

func TestQuestionOfARequest(t *testing.T) {
	q, err := questionOf(&api.ExplainRequest{URL: "a.test", PeerIP: "10.0.0.1", Headers: map[string]api.HeaderValues{"b": {"1", "2"}, "A": {"3"}}})
	if err != nil || q.Peer.String() != "10.0.0.1" || fmt.Sprint(q.Fields) != "[{A 3} {b 1} {b 2}]" {
		t.Errorf("got %+v, %v", q, err)
	}
	if _, err := questionOf(&api.ExplainRequest{PeerIP: "10.0.0.1:80"}); err == nil {
		t.Error("an address with a port was taken for one")
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		e    explain.Explanation
		want string
	}{
		{explain.Explanation{Reply: &explain.Reply{Status: 404, Cause: "no_route", By: "the routes"}}, "answered 404 (no_route) by the routes"},
		{explain.Explanation{Route: &explain.Route{Name: "r"}, Reply: &explain.Reply{Status: 204, By: "route r"}}, "route r, answered 204 by route r"},
		{explain.Explanation{Route: &explain.Route{Name: "r"}, Reply: &explain.Reply{By: "route r: the file"}}, "route r, answered by route r: the file"},
		{explain.Explanation{Reply: &explain.Reply{Cause: "denied", By: "stage s"}}, "ended without an answer by stage s"},
		{explain.Explanation{Forward: &explain.Forward{Pools: []explain.Pool{{Name: "p", Pick: "a:1"}}}}, "pool p, backend a:1"},
		{explain.Explanation{
			Stages:  []explain.Stage{{Name: "a", Outcome: "passes"}, {Name: "b", Outcome: "unsure"}},
			Forward: &explain.Forward{Pools: []explain.Pool{{Name: "p"}}},
		}, "pool p, one of its backends (if stage b lets it pass)"},
		{explain.Explanation{Forward: &explain.Forward{Pools: []explain.Pool{{Name: "p", Share: .95}, {Name: "q", Share: .05}}}}, "one of the pools p (95%), q (5%)"},
	} {
		if got := summary(&c.e); got != c.want {
			t.Errorf("got %q; want %q", got, c.want)
		}
	}
}
