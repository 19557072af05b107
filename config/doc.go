// Package config describes a load balancer as plain data: it reads, checks and
// prints configurations, and nothing else in it has behaviour.
//
// Start reading at Load (load.go), which takes a configuration through these steps:
//
//	parse     yaml.go json.go toml.go  bytes to a tree of nodes that know their positions; what is plain
//	          yamlquick.go yamlflow.go of YAML without its library
//	include   include.go glob.go       the trees of several files joined to one
//	layer     layer.go overlay.go      file < ISAME_ environment < --set, merged by koanf
//	decode    decode.go scalar.go      tree to Config: types, defaults, ${ENV:} and ${FILE:}
//	inherit   inherit.go               routes and pools take what they do not say from defaults
//	validate  check_*.go               names, combinations, files
//
// Each step adds to one list of Problems, so that all of them are reported at
// once. schema.go and schema_*.go hold the types and, in tags, every default; README.md is
// generated from it. The keys of the types of middleware stand in stage_NAME.go, what they have
// in common in schema_condition.go, and stage.go brings the two together; template.go reads
// values with variables.
//
// A Document (document.go, document_*.go) is a configuration as somebody wrote it, between the
// second and the third of these steps: it can be written back, masked, patched, compared, and put
// into the text of its file. document_outline.go tells it by the schema what stands where.
//
// Everybody may import config; it imports koanf, the YAML and TOML libraries
// below koanf's parsers, and the standard library.
package config

//go:generate go run ./gen
