// Package cli is what isame-ctl does: commands over ctl/client, printed as
// tables that fit the terminal, JSON or YAML. Start reading at Run (root.go).
// cmd/isame-ctl only passes the process's arguments and streams.
package cli
