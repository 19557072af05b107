package api

// Profile is one profile of the process, as GET /debug/pprof/ lists it.
type Profile struct {
	Name string `json:"name"`
	// Entries is how many stacks it holds; absent of the CPU's, which begins when it is asked for.
	Entries int `json:"entries,omitempty"`
	// Summary says what it shows, where the name does not.
	Summary string `json:"summary,omitempty"`
}
