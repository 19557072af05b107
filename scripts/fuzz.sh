#!/usr/bin/env bash
# Runs every fuzz target of the given packages (default: all) for FUZZTIME each.
# Targets are found by `go test -list`, so a new one needs no entry here.
set -euo pipefail

readonly fuzztime="${FUZZTIME:-10s}"
[ "$#" -gt 0 ] || set -- ./...

found=0
for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$@"); do
	targets="$(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true)"
	for target in $targets; do
		found=$((found + 1))
		echo "== $package $target ($fuzztime)"
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "$fuzztime" "$package"
	done
done
echo "fuzz: $found targets ran for $fuzztime each"
[ "$found" -gt 0 ]
