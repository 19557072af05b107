// Command isame-lb is the proxy as it is released: package run, with nothing added. A
// program that adds algorithms of its own looks the same, and registers them first.
package main

import "github.com/isame-lb/isame-lb/cmd/run"

// version and commit are set by the linker: -ldflags "-X main.version=v1.2.3".
var version, commit string

func main() { run.Main(version, commit) }
