#!/bin/sh
# See to it that there is a mariadbd: the tests start one of their own, on a socket in a temporary directory.
set -eu

PATH=$PATH:/usr/sbin:/usr/local/sbin
if command -v mariadbd >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "The tests run MariaDB for real: install its server, so that there is a command mariadbd." >&2
    exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    as_root="sudo"
fi
echo "Installing mariadb-server with apt-get ${as_root:+(as root, through sudo)}"
$as_root apt-get -qq update
# RUNLEVEL=1 keeps Debian from starting a server that nobody asked for.
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --yes --no-install-recommends mariadb-server >/dev/null
command -v mariadbd >/dev/null
