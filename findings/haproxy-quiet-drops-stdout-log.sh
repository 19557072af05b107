#!/usr/bin/env bash
# HAProxy: -q also ends what "log stdout" says
#
# Version:  HAProxy 2.6.12-1+deb12u4 (Debian 12).
# Guess:    -q keeps warnings of the start off the terminal, and access lines of
#           "log stdout format raw local0" come all the same: the target was asked for by name.
# Seen:     with -db -q no line is ever written, and nothing says so: the start is
#           accepted, "haproxy -c" as well, and requests are answered. Without -q the
#           same configuration writes one line a request.
# Why care: wrappers and unit files pass -q to be silent at the start, and containers
#           log to standard output. Together they keep no access log.
#
# Needs: a Debian 12 with apt-get and curl. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail

readonly packages=(haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1)
dir="$(mktemp -d)"
readonly dir
pid=""
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT

(cd "$dir" && apt-get download -qq "${packages[@]}" 2>/dev/null && for deb in *.deb; do dpkg -x "$deb" root; done)
LD_LIBRARY_PATH="$(dirname "$(find "$dir/root" -name 'liblua5.3.so.0' | head -n 1)")"
export LD_LIBRARY_PATH

cat >"$dir/haproxy.cfg" <<CFG
global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout client 5s
frontend web
    bind unix@$dir/web.sock
    http-request return status 204
CFG

lines() { # OPTION...: how many lines three requests write
	rm -f "$dir/web.sock"
	"$dir/root/usr/sbin/haproxy" -db "$@" -f "$dir/haproxy.cfg" >"$dir/out" 2>"$dir/err" &
	pid=$!
	for _ in $(seq 100); do [ -S "$dir/web.sock" ] && break; sleep 0.05; done
	for _ in 1 2 3; do
		[ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$dir/web.sock" http://web/)" = 204 ]
	done
	kill -USR1 "$pid" # ends when all is done, and so with all lines written
	wait "$pid" || true
	pid=""
	grep -c '"GET http://web/ HTTP\|"GET / HTTP' "$dir/out" || true
}

loud="$(lines)"
quiet="$(lines -q)"
printf 'lines for 3 requests: %s without -q, %s with -q\n' "$loud" "$quiet"
[ "$loud" = 3 ] && [ "$quiet" = 0 ]
