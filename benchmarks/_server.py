"""What answers the starts of a benchmark: nginx where it is installed, else the emulator.

nginx is written in C and costs next to nothing, so the clients are measured and not the
server.  It has one worker, on another core than the client, a configuration of its own in a
temporary folder, and no memory: whatever id is asked for stands in the answer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from _measure import emulator
from msgspec import Struct, json

NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

CONFIGURATION: Final = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{tls};
    default_type application/json;
    add_header X-Request-Id $request_id;
    location ~ "^/api/v1/instances/([^/]+)/start$" {{ return 200 '{instance}'; }}
  }}
}}
"""


class Server(Struct, frozen=True):
    """Where to send starts, and whom to trust."""

    url: str
    name: str
    ca: str | None = None
    """The file with the certificate of who signed the server's; `None` for plain http."""

    def ca_pem(self) -> bytes:
        """Read that certificate."""
        return Path(self.ca or "").read_bytes()


@contextlib.contextmanager
def server(instances: int, *, tls: bool = False) -> Iterator[Server]:
    """Run a server in a process of its own, on another core than this one, if there are two.

    Args:
        instances: How many it shall know, where it has to know them.
        tls: Whether to speak TLS; nginx alone does.
    """
    if NGINX is None and not tls:
        with emulator(instances) as url:
            yield Server(url, "the emulator")
        return
    if NGINX is None:
        sys.exit("over TLS nginx has to answer, which is not installed")
    with tempfile.TemporaryDirectory(prefix="beeos-bench-") as name:
        folder = Path(name)
        port = _free_port()
        ca = _sign(folder) if tls else None
        lines = f" ssl; ssl_certificate {folder}/chain; ssl_certificate_key {folder}/key"
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                folder=folder, port=port, tls=lines if tls else "", instance=_instance()
            ),
            encoding="utf-8",
        )
        command = [NGINX, "-p", name, "-c", f"{name}/nginx.conf", "-e", f"{name}/errors"]
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        if len(cores) > 1:
            # Its worker inherits the cores; this process and its children keep the first.
            os.sched_setaffinity(0, cores[1:])
        with subprocess.Popen(command) as process:
            try:
                if len(cores) > 1:
                    os.sched_setaffinity(0, cores[:1])
                _wait_for(port)
                host = "localhost" if tls else "127.0.0.1"
                yield Server(f"http{'s' if tls else ''}://{host}:{port}", "nginx", ca)
            finally:
                process.terminate()
                if len(cores) > 1:
                    os.sched_setaffinity(0, cores)


def _instance() -> str:
    """Write the answer to a start as the emulator would, the id left to nginx."""
    # Imported here: a side that is measured shall not carry a server.
    from beeos_async.emulator import Emulator  # noqa: PLC0415

    cloud = Emulator(instances=1)
    instance = cloud.world.start(cloud.ids[0])
    text = json.encode({"success": True, "data": instance}).decode()
    # Nothing in it may mean something to nginx.
    assert "'" not in text  # noqa: S101 -- as said
    assert "$" not in text  # noqa: S101
    return text.replace(cloud.ids[0], "$1")


def _sign(folder: Path) -> str:
    # Imported here: only who asks for TLS needs it.
    import trustme  # noqa: PLC0415

    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "chain", append=True)
    authority.cert_pem.write_to_path(folder / "ca")
    return str(folder / "ca")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    sys.exit("nginx does not answer")
