package trace

// Sampler draws the traces that begin here. The zero value wants none.
type Sampler struct{ bound uint64 }

// NewSampler wants that share of the traces, 0 to 1. It decides by the trace's id and as
// OpenTelemetry's TraceIDRatioBased does, so that others who see a trace without a word
// about it decide alike.
func NewSampler(share float64) Sampler {
	if share >= 1 {
		return Sampler{1 << 63}
	}
	return Sampler{uint64(max(share, 0) * (1 << 63))}
}

// wants decides by the second half of the id.
func (s Sampler) wants(low uint64) bool { return low>>1 < s.bound }
