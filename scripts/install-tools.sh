#!/usr/bin/env bash
# Installs the Debian packages that the tests and comparisons use.
#
# As root, and with apt-get reachable, what is missing is installed. Otherwise
# it is named: with CI=true that is a failure, elsewhere a loud warning, since
# most tests do not need it. Arguments are the programs wanted (default: all).
set -euo pipefail

# One line a program: the command looked for, or a module of Debian's Python, and the
# package that brings it.
readonly PROGRAMS="
nginx   nginx-light
haproxy haproxy
h2load  nghttp2-client
nghttpd nghttp2-server
curl    curl
openssl openssl
testssl testssl.sh
chromium chromium
python3 python3
python:requests python3-requests
python:aiohttp python3-aiohttp
python:httpx python3-httpx
node    nodejs
ruby    ruby
perl    perl
lwp-request libwww-perl
redis-server redis-server
etcd    etcd-server
goaccess goaccess
prometheus prometheus
systemd-analyze systemd
gzip    gzip
zstd    zstd
brotli  brotli
"

export PATH="$PATH:/usr/sbin:/usr/local/sbin"

readonly WANTED=" $* "

found() {
	case "$1" in
	python:*) /usr/bin/python3 -c "import ${1#python:}" ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

missing() {
	local program package
	while read -r program package; do
		[ -n "$program" ] || continue
		[ "$WANTED" = "  " ] || [[ "$WANTED" == *" $program "* ]] || continue
		found "$program" || printf '%s ' "$package"
	done <<<"$PROGRAMS"
}

packages="$(missing)"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "install-tools: installing ${packages}" >&2
	export DEBIAN_FRONTEND=noninteractive
	# Installing must not start services: the tests run their own nginx.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get update -qq >&2 || true
	# shellcheck disable=SC2086 # a list of packages
	apt-get install -y -qq --no-install-recommends $packages >&2 || true
	packages="$(missing)"
fi

[ -n "$packages" ] || exit 0
{
	echo "================================================================"
	echo "install-tools: MISSING Debian packages: ${packages}"
	echo "Install them with:  apt-get install ${packages}"
	echo "Tests that need them will be skipped or will fail."
	echo "================================================================"
} >&2
[ "${CI:-}" != true ]
