package config

import (
	"bytes"
	_ "embed" // for default.yaml and starter.yaml
	"strings"
)

// DefaultName is the name of the embedded default in problems and origins.
const DefaultName = "embedded-default.yaml"

//go:embed default.yaml
var defaultText string

//go:embed starter.yaml
var starterText []byte

// Starter returns a commented configuration to begin with, as YAML: listener web
// on :8080, GET /health and a welcome text answered by the proxy itself, admin
// endpoint on 127.0.0.1:9901. It needs no backend. The caller owns the bytes.
func Starter() []byte { return bytes.Clone(starterText) }

// Demo holds the addresses that the embedded default sends requests to. The
// program that serves them chooses them, for instance free ports of 127.0.0.1.
type Demo struct {
	// Backends answer everything but GET /health and GET /, and their own GET
	// /health with 200.
	Backends [3]string
	// Home answers GET / with the service page.
	Home string
}

// Default returns the embedded default configuration as YAML: listener web on
// :8080, admin endpoint on 127.0.0.1:9901, pool demo with three backends, GET
// /health answered by the proxy, GET / by the service page. Load it with
// Options{Data: Default(demo), File: DefaultName}.
func Default(demo Demo) []byte {
	return []byte(strings.NewReplacer(
		"{{demo1}}", demo.Backends[0],
		"{{demo2}}", demo.Backends[1],
		"{{demo3}}", demo.Backends[2],
		"{{home}}", demo.Home,
	).Replace(defaultText))
}
