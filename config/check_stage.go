package config

import (
	"reflect"
	"slices"
	"strings"
)

// checkedStage is a struct of keys of which more has to be checked than its tags say.
type checkedStage interface {
	check(c *checker, path string)
}

// stages checks every stage, and how routes and stages refer to one another.
func (c *checker) stages() {
	for _, name := range sortedNames(c.cfg.Middleware) {
		m := c.cfg.Middleware[name]
		path := joinPath("middleware", name)
		c.conditions(path+".when", m.When)
		c.conditions(path+".unless", m.Unless)
		c.texts(path, &m)
		if stage, ok := m.Stage.(checkedStage); ok {
			stage.check(c, path)
		}
	}
	for i, name := range c.cfg.Defaults.Middleware {
		referTo(c, indexPath("defaults.middleware", i), "middleware", name, c.cfg.Middleware)
	}
	c.noDuplicates("defaults.middleware", c.cfg.Defaults.Middleware)
	for _, name := range sortedNames(c.cfg.Middleware) {
		if chain, ok := c.cfg.Middleware[name].Stage.(*StageChain); ok {
			c.chain(joinPath("middleware", name)+".stages", name, chain)
		}
	}
	for _, name := range sortedNames(c.cfg.Routes) {
		c.flat(name)
	}
	c.unused()
}

// texts checks what the tags say of the texts of a stage: templates, files, and that no
// text but a body can end a line of a message early.
func (c *checker) texts(path string, m *Middleware) {
	if m.Stage == nil {
		return
	}
	v := &visitor{schema: c.schema}
	v.visit = func(s step) bool {
		if s.v.Kind() != reflect.String {
			return true
		}
		text := s.v.String()
		switch {
		case text == "" || c.broken[s.path]:
		case s.field.key != "body" && !c.plainText(s.path, text):
		case s.field.file:
			c.stageFile(s.field, s.path, text)
		case s.field.vars != "" && !s.field.groups:
			c.template(s.path, text, c.vocabulary(s.field.vars))
		}
		return true
	}
	v.section(reflect.ValueOf(m.Stage).Elem(), path, "")
}

// chain checks what a chain stands for.
func (c *checker) chain(path, name string, chain *StageChain) {
	if len(chain.Stages) == 0 {
		c.reportf(path, "must not be empty")
	}
	for i, inner := range chain.Stages {
		at := indexPath(path, i)
		referTo(c, at, "middleware", inner, c.cfg.Middleware)
		if way := c.wayTo(name, inner, map[string]bool{}); way != nil {
			c.reportf(at, "the chain is in itself: %s", strings.Join(append([]string{name}, way...), ", "))
		}
	}
	c.noDuplicates(path, chain.Stages)
}

// wayTo is how chains lead from one stage to another, nil where they do not.
func (c *checker) wayTo(to, from string, seen map[string]bool) []string {
	if from == to {
		return []string{to}
	}
	chain, ok := c.cfg.Middleware[from].Stage.(*StageChain)
	if !ok || seen[from] {
		return nil
	}
	seen[from] = true
	for _, inner := range chain.Stages {
		if way := c.wayTo(to, inner, seen); way != nil {
			return append([]string{from}, way...)
		}
	}
	return nil
}

// flat checks the list of all stages that run for a route.
func (c *checker) flat(name string) {
	r := c.cfg.Routes[name]
	path := joinPath("routes", name)
	for i, skipped := range r.Skip {
		if !slices.Contains(c.cfg.Defaults.Middleware, skipped) {
			at := indexPath(path+".skip", i)
			c.reportf(at, "%s is not in defaults.middleware%s", c.quote(at, skipped), DidYouMean(skipped, c.cfg.Defaults.Middleware))
		}
	}
	c.noDuplicates(path+".skip", r.Skip)
	links := c.cfg.Links(name)
	if len(links) > StagesMax {
		c.reportf(path+".middleware", "runs more than %d stages", StagesMax)
		return
	}
	came := map[string]string{}
	for _, link := range links {
		from := cameFrom(link)
		if was, twice := came[link.Name]; twice && was == from && len(link.Chains) == 0 {
			continue // its list is refused
		} else if twice {
			c.reportf(path+".middleware", "%s would run twice: it comes %s, and %s", c.quote(path, link.Name), was, from)
			return
		}
		came[link.Name] = from
	}
	c.inOrder(name, links)
	c.reached(name, links)
}

// cameFrom says how a stage came into the list of a route.
func cameFrom(link Link) string {
	from := "from defaults.middleware"
	if link.own {
		from = "from the route"
	}
	if len(link.Chains) > 0 {
		from += " by the chain " + link.Chains[len(link.Chains)-1]
	}
	return from
}

// unused warns of stages that no route runs.
func (c *checker) unused() {
	used := c.cfg.stagesInUse()
	for _, name := range sortedNames(c.cfg.Middleware) {
		if !used[name] {
			c.warnf(joinPath("middleware", name), "no route runs it")
		}
	}
}
