#!/bin/sh
# Set up what the server needs (once, and again when requirements/server.lock changes) and start it.
#   ./start-python.sh            serve http://localhost:3000, or what .env says
#   ./start-python.sh --reload   the same, and start anew when a file changes
set -eu
cd "$(dirname "$0")"
. ./requirements/environment.sh
set_up_python requirements/server.lock
exec .venv/bin/python server.py "$@"
