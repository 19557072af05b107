#!/usr/bin/env bash
# Installs what `make build` made: programs, completions, systemd's units with the user they
# need, and a first configuration where there is none.
#
#   PREFIX=/usr/local    where programs and the files of systemd go
#   DESTDIR=             put in front of everything, for packages
#   BUILT=bin            where the programs were built
set -euo pipefail
cd "$(dirname "$0")/.."

readonly prefix="${PREFIX:-/usr/local}" root="${DESTDIR:-}" built="${BUILT:-bin}"
readonly bin="$prefix/bin"

for program in isame-lb isame-ctl isame-bench; do
	[ -x "$built/$program" ] || {
		echo "install: $built/$program is missing: make build comes first" >&2
		exit 1
	}
	install -D -m 0755 "$built/$program" "$root$bin/$program"
done

unit="$root$prefix/lib/systemd/system/isame-lb.service"
install -D -m 0644 scripts/systemd/isame-lb.service "$unit"
install -D -m 0644 scripts/systemd/isame-lb.socket "${unit%.service}.socket"
sed -i "s|@BINDIR@|$bin|" "$unit"
install -D -m 0644 scripts/systemd/isame.sysusers "$root$prefix/lib/sysusers.d/isame.conf"
install -D -m 0644 scripts/systemd/isame.tmpfiles "$root$prefix/lib/tmpfiles.d/isame.conf"

mkdir -p "$root$prefix/share/bash-completion/completions" "$root$prefix/share/zsh/site-functions" \
	"$root$prefix/share/fish/vendor_completions.d"
"$built/isame-ctl" completion bash >"$root$prefix/share/bash-completion/completions/isame-ctl"
"$built/isame-ctl" completion zsh >"$root$prefix/share/zsh/site-functions/_isame-ctl"
"$built/isame-ctl" completion fish >"$root$prefix/share/fish/vendor_completions.d/isame-ctl.fish"

if [ ! -e "$root/etc/isame/isame.yaml" ]; then
	mkdir -p "$root/etc/isame"
	"$built/isame-lb" init "$root/etc/isame/isame.yaml" >/dev/null
fi

if [ -z "$root" ]; then
	echo "install: next, systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload && systemctl enable --now isame-lb"
fi
