package ctl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// checkQuery refuses parameters that the call does not know, and those that come twice:
// a change that was sent as ?dryrun=1 must not be made. What a value may be is checked
// where it is read. Values are not repeated, as somebody may have sent a secret there.
func (e *endpoint) checkQuery(args *fasthttp.Args) *api.Problem {
	seen := map[string]bool{}
	for key := range args.All() {
		name := string(key)
		if _, known := e.doc.query[name]; !known {
			return unknownParameter("parameter %q is not known here%s: %s", name, didYouMean(name, e.doc.query), listed(e.doc.query))
		}
		if seen[name] {
			return unknownParameter("parameter %q comes twice", name)
		}
		seen[name] = true
	}
	return nil
}

func didYouMean(name string, known map[string]string) string {
	return config.DidYouMean(name, slices.Sorted(maps.Keys(known)))
}

func listed(known map[string]string) string {
	if len(known) == 0 {
		return "this call takes none"
	}
	return "there are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// unknownParameter is 400 for a parameter, or for its value.
func unknownParameter(format string, args ...any) *api.Problem {
	return api.NewProblem(fasthttp.StatusBadRequest, fmt.Sprintf(format, args...)).WithCode(api.CodeUnknownParameter)
}

// flag reads a parameter that says yes or no; an absent one says no.
func (x *call) flag(name string) (bool, *api.Problem) {
	args := x.ctx.QueryArgs()
	if !args.Has(name) {
		return false, nil
	}
	switch string(args.Peek(name)) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	default:
		return false, unknownParameter("parameter %q is none of 0, 1, false, true", name)
	}
}

// number reads a parameter that is a whole number; an absent one is absent.
func (x *call) number(name string, least, most, absent int) (int, *api.Problem) {
	args := x.ctx.QueryArgs()
	if !args.Has(name) {
		return absent, nil
	}
	text := string(args.Peek(name))
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || strconv.Itoa(n) != text {
		return 0, unknownParameter("parameter %q is no whole number from %d to %d", name, least, most)
	}
	return n, nil
}

// choice reads a parameter that is one of some words; an absent one is "".
func (x *call) choice(name string, words ...string) (string, *api.Problem) {
	args := x.ctx.QueryArgs()
	if !args.Has(name) {
		return "", nil
	}
	text := string(args.Peek(name))
	if !slices.Contains(words, text) {
		return "", unknownParameter("%s %q is not one of %s", name, text, strings.Join(words, ", "))
	}
	return text, nil
}
