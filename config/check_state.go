package config

// state checks what is kept over a restart, and how.
func (c *checker) state(a *Admin, s *State) {
	if a.Persist == "state" && s.Dir == "" && !c.broken["state.dir"] {
		c.reportf("admin.persist", "state needs state.dir, where it is kept")
	}
	for i, name := range a.EnvNames {
		at := indexPath("admin.env_names", i)
		if !isVariableName(name) {
			c.reportf(at, "%s is not the name of an environment variable", c.quote(at, name))
		}
	}
	c.noDuplicates("admin.env_names", a.EnvNames)
	c.noDuplicates("admin.file_roots", a.FileRoots)
}

// isVariableName reports whether ${ENV:name} can name it.
func isVariableName(name string) bool {
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && name[i] != '_' {
			return false
		}
	}
	return true
}
