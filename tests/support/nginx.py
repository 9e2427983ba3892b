"""A real nginx with the site that `deploy/` ships."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from server_process import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme
    from server_process import Server

MAIN = """
daemon off; master_process on; worker_processes 1; pid nginx.pid; error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {site};
}}
"""


@contextlib.contextmanager
def run_nginx(  # noqa: PLR0913  what a site consists of
    folder: Path,
    authority: trustme.CA,
    servers: list[Server],
    *,
    port: int,
    plain_port: int,
    silence_seconds: int,
) -> Iterator[None]:
    """Stand before servers as https://localhost:PORT, with all files in the folder.

    Args:
        plain_port: where http leads to https.
        silence_seconds: how long a websocket may be silent.
    """
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "fullchain.pem", append=True)
    values = {
        "UPSTREAM": "".join(f"server 127.0.0.1:{server.url.rpartition(':')[2]};" for server in servers),
        "PUBLIC_HOST": "localhost",
        "HTTP_PORT": f"127.0.0.1:{plain_port}",
        "HTTPS_PORT": f"127.0.0.1:{port}",
        "CERTIFICATES": str(folder),
        "SILENCE_SECONDS": str(silence_seconds),
    }
    template = (ROOT / "deploy" / "nginx.conf.template").read_text()
    rendered = re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], template)
    (folder / "site.conf").write_text(rendered.replace("/dev/stdout", str(folder / "access.log")))
    (folder / "main.conf").write_text(MAIN.format(site=folder / "site.conf"))
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or pytest.fail(
        "apt-get install nginx-light"
    )
    with subprocess.Popen(
        [nginx, "-p", folder, "-c", folder / "main.conf"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if "start worker process " in line:
                break
        else:
            pytest.fail("".join(said))
        try:
            yield
        finally:
            process.terminate()
            process.communicate()
