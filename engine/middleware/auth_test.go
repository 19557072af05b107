package middleware

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	golang "github.com/golang-jwt/jwt/v5"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// door is a stage that lets somebody in, a call that it lets in, and one that it does not.
type door struct {
	name     string
	stage    stage.Requester
	in, lost *stage.Call
}

// doors are all stages that check who asks, with what they have to remember remembered.
func doors(t testing.TB) []door {
	t.Helper()
	p := newPlace(t)
	t.Cleanup(func() {
		p.Book.End(true)
		p.Book.Close()
	})
	const head, known = "GET /a HTTP/1.1\r\nHost: t\r\nX-User: root\r\n", "Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
	lost := newCall(t, head+"\r\n")
	filter, filterErr := newIPFilter(&config.StageIPFilter{Allow: networks(100_000), Status: 403}, p)
	key, keyErr := newAPIKey(&config.StageAPIKey{
		In: "header:X-API-Key", NameHeader: "X-User",
		Keys: []config.APIKey{{Name: "ann", SHA256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}},
	}, p)
	basic, basicErr := newBasicAuth(&config.StageBasicAuth{
		Users: []config.Secret{"ann:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"}, UserHeader: "X-User",
	}, p)
	file, token := issued(t)
	jwt, jwtErr := newJWT(&config.StageJWT{
		KeyFile: file, Algorithms: []string{"ES256"}, In: "header:Authorization", Headers: map[string]string{"X-User": "sub"}, Claims: map[string][]string{"scope": {"read"}},
	}, p)
	for _, err := range []error{filterErr, keyErr, basicErr, jwtErr} {
		if err != nil {
			t.Fatal(err)
		}
	}
	outside := newCall(t, head+"\r\n")
	outside.Facts = &facts{client: netip.MustParseAddr("198.51.100.1")}
	all := []door{
		{"ip_filter", filter, lost, outside},
		{"api_key", key, newCall(t, head+"X-API-Key: a\r\n\r\n"), lost},
		{"basic_auth", basic, newCall(t, head+known), lost},
		{"jwt", jwt, newCall(t, head+"Authorization: Bearer "+token+"\r\n\r\n"), lost},
	}
	for _, d := range all {
		d.in.MayWait = true
		if v := d.stage.Request(d.in); v != stage.Next {
			t.Fatalf("%s: got %v; want it to pass", d.name, v)
		}
		d.in.MayWait = false
	}
	return all
}

// enter is the stage's word; fields are as they were before.
func (d *door) enter(c *stage.Call) stage.Verdict {
	c.Request.Begin(&c.Head.Head)
	c.Answer.Begin(nil)
	for i := range c.Head.Fields {
		c.Head.Fields[i].Drop = false
	}
	return d.stage.Request(c)
}

// networks are some that hold each client of a test, and many others.
func networks(n int) []string {
	list := []string{"192.0.2.0/24"}
	for i := range n {
		list = append(list, fmt.Sprintf("10.%d.%d.%d/31", i>>15&255, i>>7&255, i<<1&255))
	}
	return list
}

// issued is a token, and the file of the key that it is verified with.
func issued(t testing.TB) (file, token string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	claims := golang.MapClaims{"sub": "ann", "scope": "list read", "exp": time.Now().Add(time.Hour).Unix(), "iss": "https://id.example.com", "aud": []string{"a", "b"}}
	if token, err = golang.NewWithClaims(golang.SigningMethodES256, claims).SignedString(key); err != nil {
		t.Fatal(err)
	}
	return file, token
}

func TestDoorsOpenForWhomTheyKnow(t *testing.T) {
	for _, d := range doors(t) {
		if v := d.enter(d.in); v != stage.Next {
			t.Errorf("%s: got %v; want it to pass without waiting", d.name, v)
		}
		if v := d.enter(d.lost); v != stage.Answered {
			t.Errorf("%s: got %v; want an answer", d.name, v)
		}
		user := stage.NewName("X-User")
		if got := string(d.in.Request.Get(&user)); got != "ann" && d.name != "ip_filter" {
			t.Errorf("%s: the backend is told %q; want ann", d.name, got)
		}
	}
}

func BenchmarkDoor(b *testing.B) {
	for _, d := range doors(b) {
		b.Run("stage="+d.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d.enter(d.in) != stage.Next {
					b.Fatal("refused")
				}
			}
		})
	}
}
