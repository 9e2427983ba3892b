# shellcheck shell=sh
# Functions that set up the virtual environment in .venv. start-python.sh and run-tests.sh source this file.

# Print the name of the first Python on the PATH that is new enough.
find_python() {
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo 'error: Python 3.11 or newer is needed. Install it and run this command again.' >&2
  return 1
}

# Run a command as root. It fails where sudo would ask for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Make .venv if there is none that works. Install a requirements file if it has changed since the last time.
set_up_python() {
  unset PYTHONDONTWRITEBYTECODE # with it, every start would compile again what pip did not compile
  if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    # Debian has a package of its own for the module that makes environments.
    if ! "$python" -c 'import ensurepip' 2>/dev/null && ! as_root apt-get install -y -q python3-venv >/dev/null 2>&1; then
      echo 'error: Python has no venv module. Run: sudo apt-get install python3-venv' >&2
      return 1
    fi
    "$python" -m venv --clear .venv
  fi
  if ! cat requirements.txt "$1" | cmp -s - ".venv/installed-${1##*/}"; then
    echo "installing $1 ..." >&2
    # Compiling everything would take a third of the time. Most is never imported, and Python compiles the rest on import.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r "$1"
    cat requirements.txt "$1" > ".venv/installed-${1##*/}"
  fi
}
