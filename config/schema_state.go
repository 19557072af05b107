package config

// State is what is kept on disk, so that a restart finds it.
type State struct {
	// Dir is a folder for the history of the configuration, for what operators change of backends at run time and, with
	// admin.persist: state, for what was applied over the API; empty keeps nothing on disk, and all of this in memory.
	// It is made with mode 0700. Secrets that are written in the configuration lie there in clear text, mode 0600:
	// references such as ${ENV:NAME} are kept as they are written. Two processes that serve at the same time need a
	// folder each: the file lock in it is locked, and a start that finds it so is refused, with the id of the process
	// that has it. A process lets go when its drain begins, so that one that is started while another drains may have
	// its folder; at an upgrade the new one takes it over.
	Dir string `example:"/var/lib/isame" file:"true" koanf:"dir"`
}
