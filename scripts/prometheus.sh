#!/usr/bin/env bash
# Builds Prometheus 3 from the Go module proxy, without service discovery and without its
# pages: for TestPrometheus3ScrapesEachFormat. It takes ten minutes and more on two cores.
#
# Usage: scripts/prometheus.sh FILE
# Then:  ISAME_PROMETHEUS=FILE go test -run Prometheus3 ./cmd/isame-lb/e2e
set -euo pipefail

readonly VERSION=v0.316.0 # 3.16.0
readonly FILE="${1:?usage: scripts/prometheus.sh FILE}"

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
target="$(realpath -m "$FILE")"
cd "$dir"
go mod init prometheus.local >/dev/null 2>&1
go get "github.com/prometheus/prometheus/cmd/prometheus@$VERSION"
go build -tags remove_all_sd -o "$target" github.com/prometheus/prometheus/cmd/prometheus
"$target" --version
