package pool

import "github.com/isame-lb/isame-lb/algo"

// Query is what one pick depends on, passed by value. It is algo's, under a name
// for callers that know this package only.
type Query = algo.Query

// Tried is the set of members that took an attempt of one exchange, by Index.
type Tried = algo.Tried

// TriedMax is how many members a Tried remembers; the oldest is forgotten first.
const TriedMax = algo.TriedMax

// Hashes reports whether picks depend on Query.Hash.
func (p *Pool) Hashes() bool { return p.kind.UsesHash() }
