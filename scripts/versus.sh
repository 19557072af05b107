#!/usr/bin/env bash
# Puts this working tree beside an older commit of Isame, in paired rounds on this
# machine, and prints CPU microseconds a request, rates and their ratios with 95 %
# confidence: "nothing is lost" when the upper end of the interval is close to 1.
#
#   BASE=HEAD~10              the older commit
#   ROUNDS=31 DURATION=600ms  how often and how long each is measured
#   SCENARIOS=small,logged    some of the scenarios (default: those below)
set -euo pipefail
cd "$(dirname "$0")/.."

base="$(git rev-parse --short=12 "${BASE:-HEAD}^{commit}")"
dir="$(mktemp -d)"
readonly base dir
finish() {
	git worktree remove --force "$dir/tree" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT

build() { # FOLDER PROGRAM OUT
	echo "versus: building $2 of $1" >&2
	(cd "$1" && go build -trimpath -ldflags "-s -w -X main.commit=$(git rev-parse --short=12 HEAD)" -o "$3" "./cmd/$2")
}

git worktree add --quiet --detach "$dir/tree" "$base"
build "$dir/tree" isame-lb "$dir/before"
build . isame-lb "$dir/isame-lb"
build . isame-bench "$dir/isame-bench"
"$dir/isame-bench" proxies --isame "$dir/isame-lb" --before "$dir/before" --proxies isame,before \
	--rounds "${ROUNDS:-31}" --duration "${DURATION:-600ms}" \
	--scenarios "${SCENARIOS:-small,16k,post64k,newconn,tls,h2,logged}"
