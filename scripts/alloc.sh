#!/usr/bin/env bash
# Runs the tests of every *alloc_test.go of the given packages (default: all)
# without the race detector, which would allocate by itself.
set -euo pipefail

[ "$#" -gt 0 ] || set -- ./...

found=0
while read -r folder package; do
	files=("$folder"/*alloc_test.go)
	[ -f "${files[0]}" ] || continue
	found=$((found + 1))
	names="$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' "${files[@]}" | paste -sd '|')"
	go test -count=1 -run "^(${names})\$" "$package"
done < <(go list -f '{{.Dir}} {{.ImportPath}}' "$@")
echo "alloc: $found packages"
[ "$found" -gt 0 ]
