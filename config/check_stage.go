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
	seen := map[string]int{}
	for _, name := range sortedNames(c.cfg.Middleware) {
		if chain, ok := c.cfg.Middleware[name].Stage.(*StageChain); ok {
			c.chain(joinPath("middleware", name)+".stages", chain)
		}
		c.cycles(name, nil, seen)
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
		case s.field.key != wordBody && !c.plainText(s.path, text):
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
func (c *checker) chain(path string, chain *StageChain) {
	if len(chain.Stages) == 0 {
		c.reportf(path, "must not be empty")
	}
	for i, inner := range chain.Stages {
		at := indexPath(path, i)
		referTo(c, at, "middleware", inner, c.cfg.Middleware)
	}
	c.noDuplicates(path, chain.Stages)
}

// cycles reports chains that are in themselves, each cycle where it closes. way leads to
// name; seen holds how far on the way each stage stands, from 1, and -1 once it was left.
func (c *checker) cycles(name string, way []string, seen map[string]int) {
	chain, ok := c.cfg.Middleware[name].Stage.(*StageChain)
	if !ok || seen[name] != 0 {
		return
	}
	way = append(way, name)
	seen[name] = len(way)
	for i, inner := range chain.Stages {
		if from := seen[inner]; from > 0 {
			c.reportf(indexPath(joinPath("middleware", name)+".stages", i), "the chain is in itself: %s",
				strings.Join(append(slices.Clone(way[from-1:]), inner), ", "))
		} else {
			c.cycles(inner, way, seen)
		}
	}
	seen[name] = -1
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
	list := c.cfg.flatten(name)
	if list.tooMuch {
		c.reportf(path+".middleware", "runs more than %d stages, or by more than %d chains in one another", StagesMax, chainsMax)
		return
	}
	links := list.links
	if len(links) == 0 {
		c.ownClaims(name)
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
	if len(c.cfg.Middleware) == 0 {
		return
	}
	used := c.cfg.stagesInUse()
	for _, name := range sortedNames(c.cfg.Middleware) {
		if !used[name] {
			c.warnf(joinPath("middleware", name), "no route runs it")
		}
	}
}
