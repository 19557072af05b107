package config

// StageIPFilter lets requests pass by the believed address of the client. The longest network that holds it decides, refused
// where it is in both lists; what is in none passes, unless there is a list of those that may.
type StageIPFilter struct {
	// Allow are networks that may pass; where there are any, or files have some, all others may not.
	Allow []string `example:"[10.0.0.0/8]" koanf:"allow"`
	// Deny are networks that may not.
	Deny []string `example:"[192.0.2.0/24]" koanf:"deny"`
	// Files hold further networks that may not, one a line; with allow and a space in front one that may. What begins with # is
	// a comment. They are read again when they change, without a reload, and the last good ones are kept.
	Files []string `example:"[blocked.txt]" file:"live" koanf:"files"`
	// Status is the status code of a refusal.
	Status int `default:"403" koanf:"status" max:"599" min:"400"`
}

// check reports what is wrong with the keys.
func (s *StageIPFilter) check(c *checker, path string) {
	if len(s.Allow)+len(s.Deny)+len(s.Files) == 0 {
		c.reportf(path, "lets everybody pass: it needs allow, deny or files")
	}
	c.networks(path+".allow", s.Allow)
	c.networks(path+".deny", s.Deny)
	c.noDuplicates(path+".files", s.Files)
}
