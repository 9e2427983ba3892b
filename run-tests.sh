#!/bin/sh
# Set up what the tests need, browsers included, and run all checks and tests.
#   ./run-tests.sh                     everything
#   ./run-tests.sh quick               linters, types, and the quick tests that need no browser: under a minute
#   ./run-tests.sh clients             SDKs and voice frameworks of others, in environments of their own: some minutes
#   ./run-tests.sh [quick|clients] ARGUMENTS   the same, with these arguments for pytest (such as -k relay)
set -eu
cd "$(dirname "$0")"
quick=
if [ "${1-}" = quick ]; then
  quick=yes
  shift
fi
. ./requirements/environment.sh
set_up_python requirements/dev.txt
PATH="$PWD/.venv/bin:$PATH" # node and npm come with requirements/dev.txt

if [ "${1-}" = clients ]; then
  shift
  uv venv --quiet --allow-existing tests/clients/python/.venv
  uv pip install --quiet --python tests/clients/python/.venv -r requirements/clients.txt
  npm install --prefix tests/clients/javascript --no-save --no-package-lock --no-fund --no-audit --loglevel=error
  exec python -m pytest -m clients tests/clients/test_other_clients.py "$@"
fi

# Debian packages: browsers, a sound server for them, and nginx to compare the relay with.
packages='chromium chromium-headless-shell firefox-esr webkit2gtk-driver xvfb pulseaudio pulseaudio-utils
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-pulseaudio nginx-light'
# shellcheck disable=SC2086 # the list must be split into words
if [ -z "$quick" ] && ! dpkg -s $packages >/dev/null 2>&1; then
  echo 'installing browsers and a sound server ...' >&2
  if ! { as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages; } >test-setup.log 2>&1; then
    tail -5 test-setup.log >&2
    echo "error: the tests need these Debian packages, and installing them failed:" $packages >&2
    exit 1
  fi
fi

if ! cmp -s package-lock.json node_modules/installed.json; then
  # Not `npm ci`: it insists on every platform's optional binaries, which a mirror may not have.
  npm install --no-save --no-fund --no-audit --loglevel=error
  cp package-lock.json node_modules/installed.json
fi

shellcheck --external-sources ./*.sh requirements/*.sh .ci/run
ruff check .
ruff format --check --quiet .
mypy & # it takes one core for about 20 s; the first tests run beside it
types=$!
npm run --silent check
npm test --silent
result=5 # pytest's exit code when no test was selected
run_tests() {
  status=0
  python -m pytest "$@" || status=$?
  case $status in
    0) result=0 ;;
    5) ;;
    *) exit "$status" ;;
  esac
}
# Most tests wait most of the time, so four run at once; those that record sound, two at a time, one engine after the other.
if [ -n "$quick" ]; then
  run_tests -n 4 --maxschedchunk 2 -m 'not long and not thorough' tests/server tests/simulator tests/deploy "$@"
  wait "$types"
else
  run_tests -n 4 --maxschedchunk 2 -m 'not sound and not clients' "$@"
  wait "$types"
  run_tests -n 2 --dist loadgroup -m sound "$@"
fi
exit "$result"
