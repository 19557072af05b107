package token

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

var everyKey = []string{"rsa", "p256", "p384", "p521", "ed"}

// signers are the algorithms with a key of theirs.
var signers = []struct{ algorithm, key string }{
	{"RS256", "rsa"},
	{"RS384", "rsa"},
	{"RS512", "rsa"},
	{"PS256", "rsa"},
	{"PS384", "rsa"},
	{"PS512", "rsa"},
	{"ES256", "p256"},
	{"ES384", "p384"},
	{"ES512", "p521"},
	{"EdDSA", "ed"},
	{"HS256", "secret"},
	{"HS384", "secret"},
	{"HS512", "secret"},
}

func TestEveryAlgorithmVerifies(t *testing.T) {
	for _, s := range signers {
		t.Run(s.algorithm, func(t *testing.T) {
			v := verifierOf(t, Policy{Algorithms: []string{s.algorithm}}, setOf(members("rsa2"), members(s.key)))
			good := sign(s.algorithm, s.key, map[string]any{"kid": s.key}, map[string]any{"sub": "ann"})
			if v.Cached([]byte(good), nowNanos) != nil {
				t.Error("it is known before it was verified")
			}
			token, why, more := v.Verify([]byte(good), nowNanos)
			if why != None || more {
				t.Fatalf("refused: %v, more to try: %v", why, more)
			}
			if name := token.Claim("sub"); string(name) != "ann" {
				t.Errorf("sub is %q; want ann", name)
			}
			if known := v.Cached([]byte(good), nowNanos); known == nil || string(known.Claim("sub")) != "ann" {
				t.Error("it is not known after it was verified")
			}
			for _, at := range []int{0, strings.Index(good, ".") + 2, len(good) - 40} {
				bad := []byte(good)
				if bad[at] ^= 1; bad[at] == '.' {
					bad[at] ^= 3
				}
				if why := v.why(string(bad)); why != BadSignature && why != Malformed {
					t.Errorf("changed at %d: %v; want it refused", at, why)
				}
				if v.Cached(bad, nowNanos) != nil {
					t.Error("a changed token is known")
				}
			}
		})
	}
}

// A key is used with an algorithm of its own kind only, whatever a token says.
func TestAlgorithmsAndKeysAreNotConfused(t *testing.T) {
	var all []map[string]any
	for _, name := range everyKey {
		all = append(all, members(name))
	}
	all = append(all, members("rsa2", "kid", "only-rs256", "alg", "RS256"), members("p256b", "kid", "enc", "use", "enc"),
		members("p256b", "kid", "wrap", "key_ops", []string{"wrapKey"}))
	asymmetric := []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"}
	v := verifierOf(t, Policy{Algorithms: asymmetric}, setOf(all...))
	head := func(algorithm, kid string) string { return fmt.Sprintf(`{"alg":%q,"kid":%q}`, algorithm, kid) }
	const claims = `{"sub":"ann"}`
	signed := func(head string) string { return encode([]byte(head)) + "." + encode([]byte(claims)) }
	es256 := signText("ES256", private("p256"), head("ES256", "p256"), claims)
	signature := es256[strings.LastIndex(es256, "."):]
	for _, c := range []struct {
		name, token string
		want        Reason
	}{
		{"good", es256, None},
		{"the public key in PEM as a secret", signText("HS256", publicPEM("rsa"), head("HS256", "rsa"), claims), BadSignature},
		{"the same, said to be RS256", signText("HS256", publicPEM("rsa"), head("RS256", "rsa"), claims), BadSignature},
		{"an empty secret", signText("HS256", []byte{}, head("HS256", "x"), claims), BadSignature},
		{"none", signed(head("none", "p256")) + ".", Malformed},
		{"none with a signature", signed(head("none", "p256")) + signature, BadSignature},
		{"None", signed(head("None", "p256")) + signature, BadSignature},
		{"no algorithm", signText("ES256", private("p256"), `{"kid":"p256"}`, claims), Malformed},
		{"a number for an algorithm", signText("ES256", private("p256"), `{"alg":1,"kid":"p256"}`, claims), Malformed},
		{"lower case", signText("ES256", private("p256"), head("es256", "p256"), claims), BadSignature},
		{"not taken", signText("RS384", private("rsa"), head("RS384", "rsa"), claims), BadSignature},
		{"the key of another one", signText("ES256", private("p256"), head("ES256", "p384"), claims), BadSignature},
		{"the key of another kind", signText("ES256", private("p256"), head("ES256", "rsa"), claims), BadSignature},
		{"PS256 with a key for RS256", signText("PS256", private("rsa2"), head("PS256", "only-rs256"), claims), BadSignature},
		{"RS256 with a key for RS256", signText("RS256", private("rsa2"), head("RS256", "only-rs256"), claims), None},
		{"a key for encryption", signText("ES256", private("p256b"), head("ES256", "enc"), claims), UnknownKey},
		{"a key that wraps", signText("ES256", private("p256b"), head("ES256", "wrap"), claims), UnknownKey},
		{"a key that nobody knows", signText("ES256", private("p256b"), head("ES256", "other"), claims), UnknownKey},
		{"no kid", signText("ES256", private("p256"), `{"alg":"ES256"}`, claims), None},
		{"no kid, another key", signText("ES256", private("p256b"), `{"alg":"ES256"}`, claims), BadSignature},
		{"its own key", signText("ES256", private("p256b"), `{"alg":"ES256","jwk":`+jsonOf(members("p256b"))+`}`, claims), BadSignature},
		{"crit", signText("ES256", private("p256"), `{"alg":"ES256","kid":"p256","crit":["x"],"x":1}`, claims), Malformed},
		{"empty crit", signText("ES256", private("p256"), `{"alg":"ES256","kid":"p256","crit":null}`, claims), Malformed},
		{"Ed25519 for EdDSA", signText("EdDSA", private("ed"), head("Ed25519", "ed"), claims), None},
	} {
		if got := v.why(c.token); got != c.want {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
	if v.Slow() != true || verifierOf(t, Policy{Algorithms: []string{"ES256", "RS256"}}, setOf(all...)).Slow() {
		t.Error("the algorithms that take long are others than ES384 and ES512")
	}
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestMalformedTokensAreRefused(t *testing.T) {
	v := verifierOf(t, Policy{Algorithms: []string{"ES256"}}, setOf(members("p256")))
	key := private("p256")
	const head, claims = `{"alg":"ES256","kid":"p256"}`, `{"sub":"ann"}`
	good := signText("ES256", key, head, claims)
	part := strings.Split(good, ".")
	if got := v.why(good); got != None {
		t.Fatalf("the good one: %v", got)
	}
	// A signature of 64 bytes has four bits to spare in its last digit.
	spare := good[:len(good)-1] + string(good[len(good)-1]+1)
	for _, c := range []struct {
		name, token string
		want        Reason
	}{
		{"nothing", "", Missing},
		{"a word", "x", Malformed},
		{"two parts", part[0] + "." + part[1], Malformed},
		{"four parts", good + ".x", Malformed},
		{"no signature", part[0] + "." + part[1] + ".", Malformed},
		{"no head", "." + part[1] + "." + part[2], Malformed},
		{"bits to spare", spare, Malformed},
		{"padding", good + "==", Malformed},
		{"a line end", part[0] + "." + part[1] + "\n." + part[2], Malformed},
		{"a carriage return", part[0] + "\r." + part[1] + "." + part[2], Malformed},
		{"a space", good + " ", Malformed},
		{"other digits", strings.Replace(good, part[2], "+/"+part[2][2:], 1), Malformed},
		{"too long", signText("ES256", key, head, `{"x":"`+strings.Repeat("x", BytesMax)+`"}`), Malformed},
		{"a name twice in the head", signText("ES256", key, `{"alg":"ES256","kid":"p256","kid":"p256"}`, claims), Malformed},
		{"a name twice", signText("ES256", key, head, `{"sub":"ann","sub":"bob"}`), Malformed},
		{"a name twice in another spelling", signText("ES256", key, head, `{"sub":"ann","s\u0075b":"bob"}`), Malformed},
		{"a list", signText("ES256", key, head, `[]`), Malformed},
		{"text", signText("ES256", key, head, `"x"`), Malformed},
		{"no JSON", signText("ES256", key, head, `{"sub":}`), Malformed},
		{"more behind it", signText("ES256", key, head, `{} x`), Malformed},
		{"a number that is none", signText("ES256", key, head, `{"x":01}`), Malformed},
		{"no UTF-8", signText("ES256", key, head, "{\"x\":\"\xff\"}"), Malformed},
		{"a head that is a list", signText("ES256", key, `["ES256"]`, claims), Malformed},
		{"kid a number", signText("ES256", key, `{"alg":"ES256","kid":1}`, claims), Malformed},
		{"exp a text", signText("ES256", key, head, `{"exp":"1900000000"}`), Malformed},
		{"nbf a text", signText("ES256", key, head, `{"nbf":""}`), Malformed},
		{"iat a list", signText("ES256", key, head, `{"iat":[]}`), Malformed},
		{"many names", signText("ES256", key, head, manyNames(membersMax+1)), Malformed},
		{"as many as may be", signText("ES256", key, head, manyNames(membersMax)), None},
		{"deep", signText("ES256", key, head, `{"x":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)+`}`), Malformed},
	} {
		if got := v.why(c.token); got != c.want {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
}

func manyNames(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"n%d":1`, i))
	}
	return "{" + strings.Join(all, ",") + "}"
}

func TestClaimsAreChecked(t *testing.T) {
	const leeway = 30
	policy := Policy{
		Algorithms: []string{"ES256"}, Issuer: "https://id", Audience: []string{"shop", "pay"}, Leeway: leeway * time.Second,
		Claims: map[string][]string{"scope": {"read", "write"}, "org.unit": {"7"}, "https://x.example/ok": {"true"}, "there": nil},
	}
	v := verifierOf(t, policy, setOf(members("p256")))
	const rest = `"iss":"https://id","aud":"shop","scope":"list read","org":{"unit":7},"https://x.example/ok":true,"there":{}`
	with := func(change ...string) string {
		text := rest
		for i := 0; i < len(change); i += 2 {
			text = strings.Replace(text, change[i], change[i+1], 1)
		}
		return "{" + text + "}"
	}
	at := func(name string, seconds float64) string {
		return fmt.Sprintf(`{%s,%q:%.1f}`, rest, name, nowSeconds+seconds)
	}
	for _, c := range []struct {
		name, claims string
		want         Reason
	}{
		{"good", with(), None},
		{"expires now", at("exp", 0), None},
		{"has just not expired", at("exp", -leeway+0.5), None},
		{"has just expired", at("exp", -leeway), Expired},
		{"expired long ago", `{` + rest + `,"exp":-1e300}`, Expired},
		{"expires never", `{` + rest + `,"exp":1e300}`, None},
		{"begins late", at("nbf", leeway), None},
		{"begins too late", at("nbf", leeway+0.5), NotYet},
		{"issued late", at("iat", leeway), None},
		{"issued too late", at("iat", leeway+0.5), NotYet},
		{"another issuer", with("https://id", "https://id/"), WrongIssuer},
		{"no issuer", with(`"iss":"https://id",`, ""), WrongIssuer},
		{"issuer a list", with(`"https://id"`, `["https://id"]`), WrongIssuer},
		{"another audience", with(`"shop"`, `"shops"`), WrongAudience},
		{"no audience", with(`"aud":"shop",`, ""), WrongAudience},
		{"an audience in a list", with(`"shop"`, `["x","pay"]`), None},
		{"none in a list", with(`"shop"`, `["x",1,null,{}]`), WrongAudience},
		{"an empty list", with(`"shop"`, `[]`), WrongAudience},
		{"audience a number", with(`"shop"`, `1`), WrongAudience},
		{"no scope", with(`"scope":"list read",`, ""), WrongClaim},
		{"another scope", with("list read", "list reads"), WrongClaim},
		{"a scope in a list", with(`"list read"`, `["list","write"]`), None},
		{"words in a list", with(`"list read"`, `["list read"]`), WrongClaim},
		{"scope null", with(`"list read"`, `null`), WrongClaim},
		{"scope an object", with(`"list read"`, `{"read":true}`), WrongClaim},
		{"another number", with(`:7`, `:70`), WrongClaim},
		{"no such path", with(`{"unit":7}`, `7`), WrongClaim},
		{"a name with dots", with(`"org":{"unit":7}`, `"org.unit":7`), None},
		{"a path that is there twice", with(`{"unit":7}`, `{"unit":7,"unit":8}`), WrongClaim},
		{"false", with(`true`, `false`), WrongClaim},
		{"not there", with(`,"there":{}`, ``), WrongClaim},
		{"there but null", with(`"there":{}`, `"there":null`), WrongClaim},
	} {
		if got := v.why(signText("ES256", private("p256"), `{"alg":"ES256"}`, c.claims)); got != c.want {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
}

func TestAVerifiedTokenIsKnownUntilItExpires(t *testing.T) {
	v := verifierOf(t, Policy{Algorithms: []string{"ES256"}, Leeway: time.Second}, setOf(members("p256")))
	const until = nowNanos + 61e9
	token := []byte(sign("ES256", "p256", nil, map[string]any{"exp": nowSeconds + 60}))
	if v.why(string(token)) != None {
		t.Fatal("it is refused")
	}
	if v.Cached(token, until-1) == nil || v.Cached(token, until) != nil {
		t.Error("it is known until another time than it expires, leeway included")
	}
	forever := []byte(sign("ES256", "p256", nil, map[string]any{}))
	if v.why(string(forever)) != None || v.Cached(forever, nowNanos+int64(rememberedFor)-1) == nil ||
		v.Cached(forever, nowNanos+int64(rememberedFor)) != nil {
		t.Error("one that never expires is known for another time than an hour")
	}
	if v.Cached([]byte(strings.Repeat("x", BytesMax+1)), nowNanos) != nil {
		t.Error("one that is too long is known")
	}
}

func TestTokensOfOtherKeysAreForgotten(t *testing.T) {
	k := live.NewKeeper(nil)
	file := fileOf(t, setOf(members("p256")))
	source, err := OpenSet(k, "keys", file, []string{"ES256"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	v, err := New(Policy{Algorithms: []string{"ES256"}}, source)
	if err != nil {
		t.Fatal(err)
	}
	token := sign("ES256", "p256", map[string]any{"kid": "p256"}, map[string]any{})
	if v.why(token) != None || v.Cached([]byte(token), nowNanos) == nil {
		t.Fatal("it is not known")
	}
	rewrite := func(set []byte) {
		t.Helper()
		overwrite(t, file, set)
		k.Look()
		k.Look()
	}
	rewrite(setOf(members("p256b")))
	if v.Cached([]byte(token), nowNanos) != nil || v.why(token) != UnknownKey {
		t.Error("the key is gone, and the token is still good")
	}
	rewrite(setOf(members("rsa")))
	if source.Trouble() == nil || source.Current().Len() != 1 || v.why(sign("ES256", "p256b", nil, map[string]any{})) != None {
		t.Errorf("trouble %v: keys that fit no algorithm took the place of the last good ones", source.Trouble())
	}
}
