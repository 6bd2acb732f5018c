#!/bin/sh
# Make a virtual environment that holds a lock file, every hash checked, or bring one up to date.
#
#   scripts/make_venv.sh DIRECTORY LOCK_FILE [--with-checkout]
#
# With --with-checkout it holds this checkout too, editable. Needs one Python from 3.10 to 3.14 (or the one named
# by $PYTHON). uv is used when there is one, be it the machine's or the one in .venv; pip otherwise.
set -eu
directory=$1
lock_file=$2
with_checkout=${3:-}

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.10 python3.14 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    echo "No Python 3.10 to 3.14 found: install python3.11, or name one as in: make PYTHON=/path/to/python" >&2
    exit 1
}

find_uv() {
    for candidate in uv .venv/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

install() {
    if [ -n "$uv" ]; then
        "$uv" pip install --quiet --python "$directory/bin/python" --no-deps "$@"
    else
        "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@"
    fi
}

python=$(find_python)
uv=$(find_uv)
echo "$directory: installing $lock_file ($("$python" --version), ${uv:-pip})"

if ! "$directory/bin/python" -c '' 2>/dev/null; then
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --clear --python "$python" "$directory"
    else
        "$python" -m venv --clear "$directory" ||
            { echo "That Python cannot make environments: install its venv module (Debian: python3-venv), or uv" >&2; exit 1; }
    fi
fi

install --require-hashes --requirement "$lock_file"
if [ -n "$with_checkout" ]; then
    install --no-build-isolation --editable .
fi
