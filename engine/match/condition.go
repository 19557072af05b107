package match

import (
	"fmt"
	"reflect"

	"github.com/isame-lb/isame-lb/config"
)

// Condition says which requests are meant: those for which all predicates hold of one of
// its clauses, and none of what that clause excludes. The zero value has no clause and holds
// for nothing.
type Condition struct{ clauses []clause }

type clause struct {
	is  Predicates
	not []Predicates
}

// NewCondition compiles a list of sections, of which one has to hold. One without
// predicates does nothing. The configuration is not kept.
func NewCondition(sections []config.Condition) (Condition, error) {
	var o Condition
	for i := range sections {
		from := &sections[i]
		if len(from.Not) == 0 && IsBlank(&from.Predicates) {
			continue
		}
		is, err := New(&from.Predicates)
		if err != nil {
			return Condition{}, err
		}
		not, err := NewNot(from.Not)
		if err != nil {
			return Condition{}, err
		}
		o.clauses = append(o.clauses, clause{is: is, not: not})
	}
	return o, nil
}

// NewNot compiles what a section excludes; a blank one excludes nothing.
func NewNot(sections []config.Predicates) (all []Predicates, err error) {
	for i := range sections {
		if IsBlank(&sections[i]) {
			continue
		}
		p, err := New(&sections[i])
		if err != nil {
			return nil, fmt.Errorf("not: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// IsBlank reports a section that asks for nothing: as one of not it excludes nothing.
func IsBlank(p *config.Predicates) bool { return reflect.DeepEqual(*p, config.Predicates{}) }

// IsEmpty reports that there are no clauses.
func (o *Condition) IsEmpty() bool { return len(o.clauses) == 0 }

// Holds reports that one of the clauses holds for the request.
func (o *Condition) Holds(q *Request) bool {
	for i := range o.clauses {
		if c := &o.clauses[i]; c.is.Holds(q) && Any(c.not, q) < 0 {
			return true
		}
	}
	return false
}

// Any is the first of them that holds for the request, below 0 where none does.
func Any(all []Predicates, q *Request) int {
	for i := range all {
		if all[i].Holds(q) {
			return i
		}
	}
	return -1
}
