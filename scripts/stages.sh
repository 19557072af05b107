#!/usr/bin/env bash
# Measures what stages of middleware cost and prints one table in Markdown: what is asked
# of each beside the median of what was measured here. Benchmarks come first, then Isame
# beside nginx (a chain of stages, gzip) and beside itself (a handler of fasthttp).
#
#   BENCHTIME=500ms COUNT=5    how long and how often each benchmark runs
#   ROUNDS=5 DURATION=800ms    the same of what is put side by side
#   SIDE_BY_SIDE=no            leave that out
#
# Figures are worth something on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly benchtime="${BENCHTIME:-500ms}" count="${COUNT:-5}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# what | asked, at most | folder | benchmark | figure | the benchmark of what is taken off it: an exchange without a stage
readonly rows='rate_limit, one key, all cores|100 ns|engine/limit/rate|BenchmarkTake/keys=1/asks=1/passes|ns/op
rate_limit, 1,000,000 keys, all cores|200 ns|engine/limit/rate|BenchmarkTake/keys=1000000/asks=1/passes|ns/op
ip_filter, 100,000 prefixes, IPv4|60 ns|engine/auth/prefix|BenchmarkLookup/ip=4/clients=1024/by=filter|ns/op
ip_filter, 100,000 prefixes, IPv6|60 ns|engine/auth/prefix|BenchmarkLookup/ip=6/clients=1024/by=filter|ns/op
headers, 10 rules with 3 variables|500 ns|engine/middleware|BenchmarkHeaders|ns/op|BenchmarkCORS/origins=none
rewrite, a prefix|100 ns|engine/middleware|BenchmarkRewrite/keys=strip|ns/op|BenchmarkCORS/origins=none
cors|150 ns|engine/middleware|BenchmarkCORS/origins=exact|ns/op|BenchmarkCORS/origins=none
jwt ES256, known|1000 ns|engine/middleware|BenchmarkDoor/stage=jwt|ns/op
jwt ES256, unknown, beside the signature alone|1.1 x|engine/auth/token|BenchmarkES256|verify/bare
handler that does nothing, without the hop|1500 ns|engine/handler|BenchmarkHandler/handler=nothing|ns/op
handler that does nothing, allocations|0|engine/handler|BenchmarkHandler/handler=nothing|allocs/op'

# median FOLDER BENCHMARK FIGURE prints the median of a figure, or nothing.
median() {
	awk -v want="$2" -v figure="$3" '
		{ name = $1; sub(/-[0-9]+$/, "", name) }
		name == want { for (i = 3; i < NF; i += 2) if ($(i + 1) == figure) print $i }
	' "$work/${1//\//_}.txt" | sort -g | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# judge ASKED MEASURED says whether it is held.
judge() { awk -v asked="${1%% *}" -v got="$2" 'BEGIN { print got == "" ? "not measured" : got + 0 <= asked + 0 ? "yes" : "NO" }'; }

# line WHAT ASKED MEASURED prints a row of the table.
line() { printf '| %s | %s | %s | %s |\n' "$1" "$2" "${3:--}" "$(judge "$2" "$3")"; }

while read -r folder; do
	echo "stages: benchmarks of $folder" >&2
	names="$(grep -F "|$folder|" <<<"$rows" | cut -d'|' -f4 | cut -d/ -f1 | sort -u | paste -sd'|')"
	go test -run '^$' -bench "^($names)\$" -benchtime "$benchtime" -count "$count" "./$folder" >"$work/${folder//\//_}.txt"
done < <(cut -d'|' -f3 <<<"$rows" | sort -u)

echo "stages: allocations of whole exchanges, memory of keys" >&2
allocations=0
go test -count=1 -run '^Test(HTTP2)?StagesDoNotAllocate$' ./engine >"$work/allocations.txt" || {
	cat "$work/allocations.txt" >&2
	allocations="$(sed -n 's/.*: \([0-9.]*\) allocations an exchange.*/\1/p' "$work/allocations.txt" | sort -g | tail -1)"
}
go test -count=1 -v -run '^TestMemoryOfAMillionKeys$' ./engine/limit/rate >"$work/memory.txt" || cat "$work/memory.txt" >&2

# beside SCENARIO PROXIES ISAME [ARGUMENT...] measures one scenario into a file.
beside() {
	local scenario="$1" proxies="$2" program="$3"
	shift 3
	echo "stages: $scenario, side by side" >&2
	bin/isame-bench proxies --isame "$program" --proxies "$proxies" --scenarios "$scenario" \
		--rounds "${ROUNDS:-5}" --duration "${DURATION:-800ms}" "$@" >"$work/$scenario.md" || : >"$work/$scenario.md"
}

# ratio SCENARIO FIGURE prints the ratio in the last column of that row, or nothing.
ratio() { awk -F'|' -v figure=" $2 " '$3 == figure { split($(NF - 1), v, " "); print v[1] }' "$work/$1.md"; }

if [ "${SIDE_BY_SIDE:-yes}" = yes ]; then
	bash scripts/install-tools.sh nginx >&2 || true # without it those rows say so
	mkdir -p bin
	for program in isame-lb isame-bench; do go build -trimpath -o "bin/$program" "./cmd/$program"; done
	go build -trimpath -pgo cmd/isame-lb/default.pgo -o "$work/extended" ./cmd/run/testdata/extended
	beside chain isame,nginx bin/isame-lb
	beside compress isame,nginx bin/isame-lb
	beside files16k isame,nginx bin/isame-lb
	beside files1m isame,nginx bin/isame-lb
	beside handler isame,before "$work/extended" --before bin/isame-lb
fi

echo "| what | asked, at most | measured | held |"
echo "|---|---:|---:|---|"
while IFS='|' read -r what asked folder benchmark figure less; do
	got="$(median "$folder" "$benchmark" "$figure")"
	if [ -n "$less" ]; then got="$(awk -v a="$got" -v b="$(median "$folder" "$less" "$figure")" 'BEGIN { if (a != "") print a - b }')"; fi
	line "$what" "$asked" "$got"
done <<<"$rows"
line "allocations of an exchange, most of all stages" 0 "$allocations"
line "memory of 1,000,000 keys of rate_limit" "64 MB" "$(sed -n 's/.*: \([0-9.]*\) MB$/\1/p' "$work/memory.txt" | head -1)"
if [ "${SIDE_BY_SIDE:-yes}" = yes ]; then
	line "rate_limit, headers, rewrite, security_headers: CPU beside nginx" "0.90 x" "$(ratio chain "CPU us a request")"
	line "compress, 16 KiB of JSON by gzip: CPU beside nginx, level 5" "0.80 x" "$(ratio compress "CPU us a request")"
	line "compress, the same: size beside nginx" "1.03 x" "$(ratio compress "bytes of a content")"
	line "files, 16 KiB: CPU beside nginx with sendfile" "1.10 x" "$(ratio files16k "CPU us a request")"
	line "files, 1 MiB: CPU beside nginx with sendfile" "1.10 x" "$(ratio files1m "CPU us a request")"
	line "handler that does nothing: CPU beside none" "1.30 x" "$(ratio handler "CPU us a request")"
fi
