package token

import (
	"fmt"
	"strings"
	"testing"
)

func TestClaimsAreText(t *testing.T) {
	v := verifierOf(t, Policy{Algorithms: []string{"ES256"}}, setOf(members("p256")))
	const claims = `{"sub":"ann","empty":"","n":1e3,"f":1.50,"yes":true,"no":false,"nothing":null,"esc":"\u00e4\"",
		"list":["a",2,true],"none":[],"nested":[["a"]],"objects":[{}],"nul":"a\u0000b","line":"a\r\nb",
		"realm":{"roles":["x","y"],"deep":{"er":{"est":{"x":1},"y":2}}},"a":{"b":"inner"},"a.b":"outer","https://x/y":"z"}`
	token, why, _ := v.Verify([]byte(signText("ES256", private("p256"), `{"alg":"ES256"}`, claims)), nowNanos)
	if why != None {
		t.Fatal(why)
	}
	for name, want := range map[string]string{
		"sub": "ann", "empty": "", "n": "1e3", "f": "1.50", "yes": "true", "no": "false", "nothing": "-", "esc": "ä\"",
		"list": "a,2,true", "none": "", "nested": "-", "objects": "-", "nul": "-", "line": "-",
		"realm": "-", "realm.roles": "x,y", "realm.deep.er.y": "2", "realm.deep.er.est.x": "-",
		"a.b": "outer", "https://x/y": "z", "other": "-", "": "-",
	} {
		got := "-"
		if value := token.Claim(name); value != nil {
			got = string(value)
		}
		if got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
}

func TestClaimsAreBounded(t *testing.T) {
	v := verifierOf(t, Policy{Algorithms: []string{"ES256"}}, setOf(members("p256")))
	var objects []string
	for i := range 3 {
		objects = append(objects, fmt.Sprintf(`"o%d":%s`, i, manyNames(100)))
	}
	long := strings.Repeat("n", 1000)
	for name, claims := range map[string]string{
		"many":       "{" + strings.Join(objects, ",") + "}",
		"long names": `{"` + long + `":{"` + long + `":` + manyNames(20) + `}}`,
	} {
		if got := v.why(signText("ES256", private("p256"), `{"alg":"ES256"}`, claims)); got != Malformed {
			t.Errorf("%s: got %v; want malformed", name, got)
		}
	}
}
