package middleware

import (
	"fmt"
	"net/http"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/apikey"
	"github.com/isame-lb/isame-lb/engine/auth/live"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// apiKey lets clients pass that show a key.
type apiKey struct {
	in     credential
	keys   *live.Value[apikey.Keys]
	refuse refusal
	told   toldField
}

func newAPIKey(k *config.StageAPIKey, p *Place) (*apiKey, error) {
	list := make([]apikey.Key, len(k.Keys))
	for i, key := range k.Keys {
		list[i] = apikey.Key{Name: key.Name, SHA256: string(key.SHA256)}
	}
	var names []string
	if k.KeysFile != "" {
		names = []string{k.KeysFile}
	}
	files := p.files()
	keys, err := Kept(p.Book, p.Name, fmt.Sprintf("api_key %q %q", list, names), func() (*live.Value[apikey.Keys], error) {
		return live.Open(files, p.Name, names, func(read []live.File) (*apikey.Keys, error) { return apikey.New(list, read) })
	})
	s := &apiKey{in: newCredential(k.In), keys: keys, told: newToldField(k.NameHeader)}
	s.refuse.reject = answer.New(http.StatusUnauthorized, end.Unauthorized, "")
	if s.in.bearer {
		s.refuse.challenge = []byte("Bearer")
	}
	return s, err
}

// Request looks the key up, and tells the backend its name.
func (s *apiKey) Request(c *stage.Call) stage.Verdict {
	shown, several := s.in.find(c)
	if several {
		shown = nil
	}
	name, ok := s.keys.Load().Find(shown)
	if !ok {
		return s.refuse.answer(c)
	}
	c.KeyName = name
	c.Scratch = append(c.Scratch[:0], name...)
	s.told.set(c, c.Scratch)
	return stage.Next
}
