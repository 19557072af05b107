#!/usr/bin/env bash
# Takes the CPU profile that isame-lb is built with (profile-guided optimisation)
# from the engine's benchmark over real sockets, and puts it where `go build`
# finds it. Run it after changes of the hot path; the profile is checked in.
#
#   BENCHTIME=5s   how long each kind of exchange is run
set -euo pipefail
cd "$(dirname "$0")/.."

readonly profile=cmd/isame-lb/default.pgo
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

go test -run '^$' -bench '^BenchmarkExchange$' -benchtime "${BENCHTIME:-5s}" \
	-o "$work/engine.test" -cpuprofile "$work/cpu.pprof" ./engine
go tool pprof -proto -output "$work/default.pgo" "$work/engine.test" "$work/cpu.pprof" >/dev/null
mv "$work/default.pgo" "$profile"
ls -l "$profile"
