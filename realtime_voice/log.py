"""The log: one line a record on stderr, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys


class JsonLines(logging.Formatter):
    """Write each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_log(level: str, style: str) -> None:
    """Log to stderr, as `text` or `json`.

    `level` applies to the product's own records. Libraries are kept at WARNING: at DEBUG they log
    handshake headers and tokens, and at INFO uvicorn logs each websocket's query.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if style == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("realtime_voice").setLevel(level)
