package pool

// breakerNews is what others know of a breaker, and from which word. A stage counts the
// states that a breaker has gone through: twice its generation, plus 1 for an open one
// whose time is over. What is told late, by a slower goroutine, is older and not news.
type breakerNews struct {
	state breakerState
	stage uint32
}

const stageBits = 21

func stageOf(generation uint32, isOver bool) uint32 {
	stage := generation & generationMask << 1
	if isOver {
		stage++
	}
	return stage
}

// take makes a state of the breaker what others know, and reports that it is news.
func (n *breakerNews) take(state breakerState, stage uint32) bool {
	if (stage-n.stage)&(1<<stageBits-1) >= 1<<(stageBits-1) {
		return false
	}
	isNews := n.state != state
	*n = breakerNews{state, stage}
	return isNews
}
