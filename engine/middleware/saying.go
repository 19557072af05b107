package middleware

import (
	"fmt"
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// FixedFields renders the field lines whose values are the same in every answer, and
// returns the others.
func FixedFields(fields map[string]string) (lines []byte, varied map[string]string, err error) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, err := stage.NewAnswerText(fields[name])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if value, fixed := text.Fixed(); fixed {
			lines = answer.Field(lines, name, value)
			continue
		}
		if varied == nil {
			varied = map[string]string{}
		}
		varied[name] = fields[name]
	}
	return lines, varied, nil
}

// Saying is the chain of a route whose own answer has these fields, which have variables
// in them. They are added before any other stage sees the answer.
func (s *Set) Saying(ch *Chain, route string, fields map[string]string) (*Chain, error) {
	name := "routes." + route + ".respond"
	l, err := s.link(name, &config.Middleware{Stage: &config.StageHeaders{Response: config.ResponseHeaders{Set: fields}}})
	if err != nil {
		return nil, err
	}
	return ch.longer(l, about{name, "headers"})
}
