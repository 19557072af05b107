package middleware

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/token"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// keysTime bounds how long a client waits for keys to be fetched, or for a signature of
// one of the algorithms that take long.
const keysTime = 10 * time.Second

// jwt lets clients pass that show a token.
type jwt struct {
	*tokens

	in       credential
	refusals [token.Reasons]refusal
	told     []toldClaim
	optional bool
	stats    *observe.MiddlewareStats
}

// toldClaim is a claim that backends are told.
type toldClaim struct {
	field toldField
	claim string
}

// tokens verify tokens. A Book keeps them, for the keys that were fetched and the tokens
// that were verified.
type tokens struct {
	source   *token.Source
	verifier *token.Verifier
}

// Close ends the fetching, or the watch for changes of the file.
func (t *tokens) Close() error { return t.source.Close() }

func newJWT(k *config.StageJWT, p *Place) (*jwt, error) {
	policy := token.Policy{Algorithms: k.Algorithms, Issuer: k.Issuer, Audience: k.Audience, Leeway: k.Leeway, Claims: k.Claims}
	// Maps are printed in the order of their keys.
	definition := fmt.Sprintf("jwt %q %q %q %v %q", k.JWKSURL, k.JWKSFile, k.KeyFile, k.Refresh, fmt.Sprintf("%q", policy))
	open := p.source(k)
	t, err := Kept(p.Book, p.Name, definition, func() (*tokens, error) {
		source, err := open()
		if err != nil {
			return nil, err
		}
		v, err := token.New(policy, source)
		if err != nil {
			_ = source.Close() // nothing was made of it
			return nil, fmt.Errorf("algorithms: %w", err)
		}
		return &tokens{source, v}, nil
	})
	s := &jwt{tokens: t, in: newCredential(k.In), optional: k.Optional, stats: p.Stats}
	for _, name := range slices.Sorted(maps.Keys(k.Headers)) {
		s.told = append(s.told, toldClaim{newToldField(name), k.Headers[name]})
	}
	s.refuse()
	return s, err
}

// source is how the keys of a stage are opened.
func (p *Place) source(k *config.StageJWT) func() (*token.Source, error) {
	files, log := p.files(), p.Logger
	urls, _ := Kept(p.Book, "", "keys", func() (*token.Sources, error) { // it cannot fail
		return token.NewSources(func(url string, err error) {
			if err != nil {
				log.Warn().Err(err).Msg("cannot fetch the keys of tokens; the last good ones stay")
				return
			}
			log.Info().Str("url", url).Msg("other keys of tokens are in force")
		}), nil
	})
	return func() (*token.Source, error) {
		switch {
		case k.JWKSURL != "":
			return urls.Open(k.JWKSURL, k.Refresh)
		case k.JWKSFile != "":
			return token.OpenSet(files, p.Name, k.JWKSFile, k.Algorithms)
		}
		return token.OpenKey(files, p.Name, k.KeyFile, k.Algorithms)
	}
}

// refuse renders what clients are told. Where the token is in Authorization they get the
// challenge of RFC 6750 section 3.
func (s *jwt) refuse() {
	for why := range token.Reasons {
		r := refusal{reject: answer.New(http.StatusUnauthorized, end.Unauthorized, "")}
		challenge := fmt.Appendf(nil, `Bearer error="invalid_token", error_description="%v"`, why)
		switch {
		case why == token.Missing:
			challenge = []byte("Bearer")
		case why.IsForbidden():
			r.reject = answer.New(http.StatusForbidden, end.Denied, "")
			challenge = []byte(`Bearer error="insufficient_scope"`)
		case why == token.KeysUnavailable:
			r.reject = answer.New(http.StatusServiceUnavailable, end.KeysUnavailable, "1")
			challenge = nil
		}
		if s.in.bearer {
			r.challenge = challenge
		}
		s.refusals[why] = r
	}
}

// Request verifies the token. The loop does that itself, unless the keys have to be
// fetched or the algorithm takes long, and tells the backend its claims.
func (s *jwt) Request(c *stage.Call) stage.Verdict {
	shown, several := s.in.find(c)
	var t *token.Token
	why := token.Missing
	switch {
	case several:
		why = token.Malformed
	case len(shown) > 0:
		unixNanos := time.Now().UnixNano()
		if t = s.verifier.Cached(shown, unixNanos); t != nil {
			break
		}
		if !c.MayWait && s.verifier.Slow() {
			return stage.Wait
		}
		var more bool
		if t, why, more = s.verifier.Verify(shown, unixNanos); !more {
			break
		}
		if !c.MayWait {
			return stage.Wait
		}
		var left bool
		if t, why, left = s.fetched(c, bytes.Clone(shown), unixNanos); left {
			return stage.Left
		}
	}
	switch {
	case t != nil:
		c.Claims = t
	case why != token.Missing || !s.optional:
		if why == token.KeysUnavailable {
			s.stats.Add(c.Shard(), observe.MiddlewareFailed)
		}
		return s.refusals[why].answer(c)
	}
	s.tell(c, t)
	return stage.Next
}

// fetched verifies the token when keys were fetched, beside the exchange.
func (s *jwt) fetched(c *stage.Call, shown []byte, unixNanos int64) (t *token.Token, why token.Reason, left bool) {
	type outcome struct {
		t   *token.Token
		why token.Reason
	}
	came, verifier := &outcome{why: token.KeysUnavailable}, s.verifier
	switch beside(c, "token", keysTime, func(ctx context.Context) { came.t, came.why = verifier.VerifyFetched(ctx, shown, unixNanos) }) {
	case stage.Next:
		return came.t, came.why, false
	case stage.Left:
		return nil, token.None, true
	default:
		return nil, token.KeysUnavailable, false
	}
}

func (s *jwt) tell(c *stage.Call, t *token.Token) {
	for i := range s.told {
		told := &s.told[i]
		var value []byte
		if t != nil {
			value = t.Claim(told.claim)
		}
		told.field.set(c, value)
	}
}
