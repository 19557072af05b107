#!/usr/bin/env bash
# Puts Isame beside HAProxy, nginx and Caddy on this machine and prints one table in
# Markdown: CPU microseconds a request, rates, latencies, memory of idle connections
# and ratios. HAProxy, nginx, h2load and nghttpd (for HTTP/2) are installed where that is
# possible, and left out loudly otherwise.
#
#   ROUNDS=5 DURATION=800ms   how often and how long each is measured
#   SCENARIOS=small,16k       some of the scenarios (default all, about 9 minutes)
#   PROXIES=isame,haproxy     some of the proxies (default all that are installed)
#   --write                   also put the table into bench/README.md
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version="$(git describe --tags --always --dirty 2>/dev/null || echo dev)"
readonly commit="$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
readonly ldflags="-s -w -X main.version=$version -X main.commit=$commit"

build() {
	mkdir -p bin
	echo "compare: building bin/$1" >&2
	go build -trimpath -ldflags "$ldflags" -o "bin/$1" "./cmd/$1"
}

arguments=(--rounds "${ROUNDS:-5}" --duration "${DURATION:-800ms}" --scenarios "${SCENARIOS:-}" --proxies "${PROXIES:-}")
for argument in "$@"; do
	case "$argument" in
	--write) arguments+=(--write bench/README.md) ;;
	*)
		echo "compare: unknown argument $argument (only --write)" >&2
		exit 2
		;;
	esac
done

bash scripts/install-tools.sh haproxy nginx h2load nghttpd || true # what is missing is left out
build isame-bench
build isame-lb
exec bin/isame-bench proxies --isame bin/isame-lb "${arguments[@]}"
