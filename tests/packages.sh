# packages.sh - installs missing Debian packages; sourced by quickstart.sh and tests/run.sh.
# As root; else through sudo; else prints the exact apt line and fails. No service that comes with a
# package starts by itself: a policy-rc.d says no while apt runs and is removed afterwards.

BUILD_PACKAGES="gcc meson ninja-build pkgconf python3 libevent-dev libjansson-dev libhiredis-dev
 libyaml-dev libssl-dev libpcre2-dev libvectorscan-dev zlib1g-dev libcurl4-openssl-dev tzdata"
RUN_PACKAGES="redis-server redis-tools curl"
TEST_PACKAGES="clang libcmocka-dev scdoc python3-pytest python3-redis python3-requests python3-yaml
 python3-jsonschema prometheus prometheus-alertmanager rsyslog bsdutils lua-check lua5.1 openssl systemd procps
 rsyslog-relp rsyslog-openssl libivykis0 libnet1 libwrap0 haproxy"
BENCH_PACKAGES="wrk valgrind rsyslog-hiredis libclang-rt-14-dev"

missing_packages() { # the names among "$@" that are not installed
    local p
    for p in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
    done
}

policy_file=/usr/sbin/policy-rc.d
remove_policy() {
    [ -n "${policy_made:-}" ] && $as_root rm -f "$policy_file"
    policy_made=
}

install_packages() { # names...; returns 1 when they cannot be installed
    local want
    want=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "${want// /}" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null 2>&1; }; then
        as_root=sudo
    else
        echo "These packages are missing; as root, run:" >&2
        echo "  apt-get install --no-install-recommends $want" >&2
        return 1
    fi
    echo "Installing: $want"
    if [ ! -e "$policy_file" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy_file" >/dev/null
        $as_root chmod 755 "$policy_file"
        policy_made=yes
    fi
    trap remove_policy EXIT
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null || true
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
    local status=$?
    remove_policy
    trap - EXIT
    [ $status = 0 ] || echo "apt-get could not install: $want" >&2
    return $status
}

# unpack_package NAME DIRECTORY: the files of a package that cannot be installed (syslog-ng-core
# conflicts with rsyslog). Done once; needs no root.
unpack_package() {
    local name=$1 into=$2 work
    [ ! -e "$into/done" ] || return 0
    work=$(mktemp -d) || return 1
    (cd "$work" && apt-get download -qq "$name" 2>apt.log || { cat apt.log >&2; exit 1; }
     dpkg-deb -x "$name"_*.deb files) && mkdir -p "$(dirname "$into")" && rm -rf "$into" &&
        mv "$work/files" "$into" && touch "$into/done"
    local status=$?
    rm -rf "$work"
    return $status
}
