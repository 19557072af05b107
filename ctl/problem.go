package ctl

import (
	"errors"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// ConfigProblems takes the error of a refused configuration apart: one value
// for each config.Problem in it, or one with the error's text. nil gives nil.
func ConfigProblems(err error) []api.ConfigProblem {
	if err == nil {
		return nil
	}
	var list config.Problems
	if !errors.As(err, &list) {
		return []api.ConfigProblem{{Text: err.Error()}}
	}
	return DescribeProblems(list)
}

// DescribeProblems turns problems and warnings into their API values; nil for none.
func DescribeProblems(list []config.Problem) []api.ConfigProblem {
	if len(list) == 0 {
		return nil
	}
	out := make([]api.ConfigProblem, 0, len(list))
	for _, p := range list {
		out = append(out, api.ConfigProblem{
			Text: p.String(), File: p.File, Line: p.Line, Column: p.Col,
			Env: p.Env, Flag: p.Flag, Path: p.Path, Message: p.Message, Warning: p.Warning,
		})
	}
	return out
}
