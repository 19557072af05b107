package route

import "github.com/isame-lb/isame-lb/engine/match"

// Query is a request as the index sees it. The caller owns every byte; nothing
// is kept after Lookup or Explain returns. A Query may live on the stack.
type Query struct {
	match.Request

	// Listener is the number of the listener in the order given to Build; a
	// number outside of it matches only routes for all listeners.
	Listener int

	hosts hostSet // the expressions of hosts that hold, of the tier under work
}
