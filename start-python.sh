#!/bin/sh
# Install what the server needs, at the first start and after a change of requirements/server.lock, and start it.
#   ./start-python.sh            serve http://localhost:3000, or the HOST and PORT of .env
#   ./start-python.sh --reload   the same, and restart when a file changes
set -eu
cd "$(dirname "$0")"
. ./requirements/environment.sh
set_up_python requirements/server.lock
exec .venv/bin/python server.py "$@"
