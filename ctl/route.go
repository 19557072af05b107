package ctl

import (
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// DescribeRoutes turns the routes of a configuration into their API values,
// sorted by name and with zero counters, for the caller to fill in.
func DescribeRoutes(l *config.Loaded) []api.RouteStatus {
	c := l.Config
	out := make([]api.RouteStatus, 0, len(c.Routes))
	var turns safely.Turns
	for _, name := range sortedKeys(c.Routes) {
		turns.Step(itemsInTurn)
		r := c.Routes[name]
		at := spot{l, config.JoinPath("routes", name)}
		out = append(out, api.RouteStatus{
			Name: name, Listeners: filled(r.Listeners), RoutePredicates: at.predicates(&r.Predicates), Not: at.not(r.Not), Priority: r.Priority,
			Middleware: filled(c.Chain(name)), Action: at.action(&r), TimeoutSeconds: r.Timeout.Seconds(),
		})
	}
	return out
}

// spot is a section of a configuration, whose texts are shown as they were written: what a
// reference stands for is nobody's to read.
type spot struct {
	*config.Loaded

	path string
}

func (at spot) below(key string) spot { return spot{at.Loaded, config.JoinPath(at.path, key)} }

func (at spot) item(i int) spot { return spot{at.Loaded, at.path + "[" + strconv.Itoa(i) + "]"} }

func (at spot) text(key, text string) string {
	return at.Shown(config.JoinPath(at.path, key), text)
}

func (at spot) texts(key string, list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = at.Shown(at.below(key).item(i).path, text)
	}
	return out
}

func (at spot) predicates(p *config.Predicates) api.RoutePredicates {
	return api.RoutePredicates{
		Hosts: filled(at.texts("hosts", p.Hosts)), HostsRegex: at.texts("hosts_regex", p.HostsRegex), Path: at.pathMatch(p),
		Methods: filled(at.texts("methods", p.Methods)),
		Headers: at.below("headers").values(p.Headers), Query: at.below("query").values(p.Query),
		ClientIPs: at.texts("client_ips", p.ClientIPs), SNI: at.texts("sni", p.SNI), Protocol: p.Protocol,
	}
}

func (at spot) not(sections []config.Predicates) (out []api.RoutePredicates) {
	for i := range sections {
		out = append(out, at.below("not").item(i).predicates(&sections[i]))
	}
	return out
}

// values are what fields have to be; secrets are masked, as in the configuration.
func (at spot) values(matches map[string]config.Match) map[string]api.ValueMatch {
	out := make(map[string]api.ValueMatch, len(matches))
	for name, m := range matches {
		field := at.below(name)
		out[name] = api.ValueMatch{
			Is: config.ShownField(name, field.text("is", m.Is)), Regex: config.ShownField(name, field.text("regex", m.Regex)), Absent: m.Absent,
		}
	}
	return out
}

func (at spot) pathMatch(r *config.Predicates) api.PathMatch {
	switch {
	case r.Path != "":
		return api.PathMatch{Kind: api.PathExact, Value: at.text("path", r.Path)}
	case r.PathPrefix != "":
		return api.PathMatch{Kind: api.PathPrefix, Value: at.text("path_prefix", r.PathPrefix)}
	case r.PathRegex != "":
		return api.PathMatch{Kind: api.PathRegex, Value: at.text("path_regex", r.PathRegex)}
	default:
		return api.PathMatch{Kind: api.PathAny}
	}
}

func (at spot) action(r *config.Route) api.Action {
	switch {
	case r.Redirect != nil:
		to := at.below("redirect").text("to", r.Redirect.To)
		return api.Action{Kind: api.ActionRedirect, Redirect: &api.Redirect{To: to, Status: r.Redirect.Status}}
	case r.Respond != nil:
		return api.Action{Kind: api.ActionRespond, Respond: &api.Respond{
			Status: r.Respond.Status, ContentType: r.Respond.ContentType, BodyBytes: len(r.Respond.Body), File: r.Respond.File,
		}}
	case r.Files != nil:
		return api.Action{Kind: api.ActionFiles, Files: &api.Files{Root: r.Files.Root}}
	case len(r.Split) > 0:
		return api.Action{Kind: api.ActionSplit, Split: r.Split}
	default:
		return api.Action{Kind: api.ActionPool, Pool: r.Pool}
	}
}
