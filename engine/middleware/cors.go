package middleware

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// cors says to browsers which other origins may ask (https://fetch.spec.whatwg.org, section
// CORS protocol), in place of the backend. It answers preflights, before other stages: a
// browser sends no credentials with one.
type cors struct {
	origins     origins
	credentials bool
	asksHeaders bool // what a preflight asks for is allowed, whatever it is
	asksMethod  bool
	preflight   []byte // lines that all answers to preflights have that are allowed
	varies      []byte // what Vary names in answers to preflights; nil is nothing
	lines       []byte // of other answers, beside the origin
}

// origins are those that are allowed.
type origins struct {
	exact map[string][]byte // the line that allows it
	below []originsBelow
	any   bool // all, and no answer says which
}

// originsBelow are the origins of all names below one.
type originsBelow struct{ scheme, domain string }

var (
	vary         = stage.NewName("Vary")
	allowOrigin  = stage.NewName("Access-Control-Allow-Origin")
	allowMethods = stage.NewName("Access-Control-Allow-Methods")
	allowHeaders = stage.NewName("Access-Control-Allow-Headers")
	askedMethod  = stage.NewName("Access-Control-Request-Method")
	askedHeaders = stage.NewName("Access-Control-Request-Headers")
	originName   = []byte("Origin")
	corsFields   = stage.NewNames("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Private-Network")
)

// newCORS makes the stage; without origins there is none.
func newCORS(k *config.StageCORS, _ *Place) any {
	if len(k.AllowOrigins) == 0 {
		return nil
	}
	o := &cors{origins: newOrigins(k.AllowOrigins), credentials: k.AllowCredentials}
	o.asksHeaders = k.AllowCredentials && slices.Contains(k.AllowHeaders, "*")
	o.asksMethod = k.AllowCredentials && slices.Contains(k.AllowMethods, "*")
	var common []byte
	if o.origins.any {
		common = append(common, "Access-Control-Allow-Origin: *\r\n"...)
	}
	if k.AllowCredentials {
		common = append(common, "Access-Control-Allow-Credentials: true\r\n"...)
	}
	o.lines, o.preflight = slices.Clone(common), common
	if len(k.ExposeHeaders) > 0 {
		o.lines = appendList(o.lines, "Access-Control-Expose-Headers", k.ExposeHeaders)
	}
	var varies []string
	if !o.origins.any {
		varies = append(varies, "Origin")
	}
	if o.asksMethod {
		varies = append(varies, "Access-Control-Request-Method")
	} else {
		o.preflight = appendList(o.preflight, "Access-Control-Allow-Methods", methodsOf(k.AllowMethods))
	}
	if o.asksHeaders {
		varies = append(varies, "Access-Control-Request-Headers")
	} else if len(k.AllowHeaders) > 0 {
		o.preflight = appendList(o.preflight, "Access-Control-Allow-Headers", headersOf(k.AllowHeaders))
	}
	o.preflight = appendList(o.preflight, "Access-Control-Max-Age", []string{strconv.FormatInt(int64(k.MaxAge/time.Second), 10)})
	if len(varies) > 0 {
		o.varies = []byte(strings.Join(varies, ", "))
	}
	return o
}

// methodsOf are the methods that are said to be allowed.
func methodsOf(list []string) []string {
	if len(list) == 0 {
		return []string{http.MethodGet, http.MethodHead, http.MethodPost}
	}
	return list
}

// headersOf are the fields that are said to be allowed: the asterisk of browsers does not
// mean Authorization.
func headersOf(list []string) []string {
	if slices.Contains(list, "*") {
		return []string{"*", "Authorization"}
	}
	return list
}

func appendList(dst []byte, name string, list []string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, strings.Join(list, ", ")...), "\r\n"...)
}

func newOrigins(list []string) origins {
	all := origins{exact: map[string][]byte{}}
	for _, text := range list {
		text = strings.ToLower(text)
		scheme, domain, below := strings.Cut(text, "://*.")
		switch {
		case text == "*":
			all.any = true
		case below:
			all.below = append(all.below, originsBelow{scheme + "://", "." + domain})
		default:
			all.exact[text] = appendList(nil, "Access-Control-Allow-Origin", []string{text})
		}
	}
	return all
}

// allow says that an origin may ask; false where it may not.
func (o *origins) allow(c *stage.Call, origin []byte) bool {
	if o.any {
		return true
	}
	if line := o.exact[string(origin)]; line != nil {
		c.Answer.Join(line)
		return true
	}
	for i := range o.below {
		if o.below[i].has(origin) {
			c.Answer.Add(&allowOrigin, origin)
			return true
		}
	}
	return false
}

func (o *originsBelow) has(origin []byte) bool {
	at, stop := len(o.scheme), len(origin)-len(o.domain)
	if stop <= at || string(origin[:at]) != o.scheme || string(origin[stop:]) != o.domain {
		return false
	}
	for _, c := range origin[at:stop] { // labels, and nothing that another host could stand in
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

// runsFirst puts it in front of all other stages.
func (*cors) runsFirst() {}

var methodOptions = []byte(http.MethodOptions)

// Request answers preflights.
func (o *cors) Request(c *stage.Call) stage.Verdict {
	if !bytes.Equal(c.Head.Method, methodOptions) || !c.Head.Has(wire.FieldOrigin) {
		return stage.Next
	}
	method := c.Request.Get(&askedMethod)
	if method == nil {
		return stage.Next
	}
	if o.varies != nil {
		c.Answer.Add(&vary, o.varies)
	}
	if o.origins.allow(c, c.Head.Value(wire.FieldOrigin)) {
		c.Answer.Join(o.preflight)
		if o.asksMethod {
			c.Answer.Add(&allowMethods, method)
		}
		if asked := c.Request.Get(&askedHeaders); o.asksHeaders && asked != nil {
			c.Answer.Add(&allowHeaders, asked)
		}
	}
	return c.Respond(stage.Reply{Status: http.StatusNoContent})
}

// Response says of every answer who may read it.
func (o *cors) Response(c *stage.Call) stage.Verdict {
	c.Answer.RemoveAll(&corsFields)
	if !o.origins.any {
		c.Answer.Merge(&vary, originName)
	}
	if o.origins.allow(c, c.Head.Value(wire.FieldOrigin)) {
		c.Answer.Join(o.lines)
	}
	return stage.Next
}
