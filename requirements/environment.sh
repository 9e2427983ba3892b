# Sourced by start-python.sh and run-tests.sh: the virtual environment in .venv.

# Print the first Python on the PATH that is new enough.
find_python() {
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo 'error: Python 3.11 or newer is needed; install it and run this again' >&2
  return 1
}

# Run a command as root, when that needs no password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Make .venv when there is none that runs, and install a requirements file when it has changed since.
set_up_python() {
  unset PYTHONDONTWRITEBYTECODE # where it is set, every start would compile anew what pip left uncompiled
  if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    # Debian keeps the module that makes environments in a package of its own.
    if ! "$python" -c 'import ensurepip' 2>/dev/null && ! as_root apt-get install -y -q python3-venv >/dev/null 2>&1; then
      echo 'error: Python has no venv module; run: sudo apt-get install python3-venv' >&2
      return 1
    fi
    "$python" -m venv --clear .venv
  fi
  if ! cat requirements.txt "$1" | cmp -s - ".venv/installed-${1##*/}"; then
    echo "installing $1 ..." >&2
    # Compiling all of it takes a third of the time, and most is never imported: Python does it when needed.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r "$1"
    cat requirements.txt "$1" > ".venv/installed-${1##*/}"
  fi
}
