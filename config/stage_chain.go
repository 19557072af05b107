package config

// StageChain stands for other stages in its place. Its when and unless count beside their own.
type StageChain struct {
	// Stages names them, in the order in which they run.
	Stages []string `example:"[limit, auth]" koanf:"stages" refers:"middleware" required:"true"`
}
