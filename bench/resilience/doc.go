// Package resilience puts the real isame-lb before five origins that go wrong
// while load comes, and holds what clients and origins saw against what was
// asked for: one origin turns slow, fails, is killed and revived; all are
// restarted, die, or fail together.
//
// The load is an open loop at 70 % of what the origins can do. Start reading in
// scenario.go.
package resilience
