"""The page's files, as they are served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    import os

    from starlette.types import Scope


class PageFiles(StaticFiles):
    """The files of `public/`, and nothing else: no listings, no dotfiles, no symbolic links out of it."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        hidden = any(part.startswith(".") for part in Path(path).parts if part != ".")
        return ("", None) if hidden else super().lookup_path(path)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Read the file in the event loop: it is small, and Starlette would use a thread three times for it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if not isinstance(response, FileResponse):
            return response  # 304: the browser has this version
        return Response(Path(full_path).read_bytes(), status_code, response.headers)
