"""`takeback serve DIR`: the runs below a folder as pages, on this machine's loopback address and nowhere else.

    takeback serve results            # then open the address that it prints

Answers GET and HEAD alone, from the loopback address alone, to requests that call it by a loopback name (so that no
other site's page can ask through a name of its own); it gives out pages of runs and no files.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

import tyro

from csp.errors import BadInput
from experiments.cli.terminal import console
from experiments.page import build, payload

ADDRESS = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost", "[::1]")  # by which a request may call this machine
DEEP = 3  # folders below DIR in which runs are looked for
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
INDEX = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>takeback runs</title>
    <style>:root {{ color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif }}
    body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}</style>
  </head>
  <body><main><h1>Runs in {folder}</h1><p><a href="/story">The story in five scenes</a></p><ul>{runs}</ul></main></body>
</html>
"""


@dataclass(frozen=True)
class Serve:
    """Show the runs below a folder in your browser, from this machine's loopback address."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")] = Path("results")
    """A run's folder, or one that runs are in."""
    port: Annotated[int, tyro.conf.arg(metavar="N")] = 8765
    """Where it listens; 0 takes any port that is free."""


def main(options: Serve) -> None:
    """Serve until Ctrl-C. Raises BadInput for a folder without runs, or a port that cannot be had."""
    if not 0 <= options.port < 65536:
        raise BadInput(f"--port {options.port}: a port is from 0 to 65535")
    if not runs_in(options.folder):
        raise BadInput(f"{options.folder} holds no finished run with traces")
    try:
        server = ThreadingHTTPServer((ADDRESS, options.port), partial(Pages, options.folder))
    except OSError as fault:
        raise BadInput(f"port {options.port} on {ADDRESS}: {fault.strerror or fault}; choose another --port") from None
    console.print(f"http://{ADDRESS}:{server.server_address[1]}/ shows the runs in {options.folder}; Ctrl-C ends it")
    with server:
        server.serve_forever()


def runs_in(folder: Path) -> dict[str, Path]:
    """The finished runs that can be played back, by the names that their pages have."""
    depths = ("/".join(["*"] * depth) for depth in range(DEEP + 1))
    cards = [card for depth in depths for card in sorted(folder.glob(f"{depth}/run.json".lstrip("/")))]
    found = {}
    for card in cards:
        run = card.parent
        if (run / "traces.jsonl").exists() and (run / payload.INSTANCES).exists():
            found[str(run.relative_to(folder)) if run != folder else run.absolute().name] = run
    return found


class Pages(BaseHTTPRequestHandler):
    """One request: the list of runs, the page of one of them, or the story."""

    server_version = "takeback"
    sys_version = ""

    def __init__(self, folder: Path, *rest):
        self.folder = folder
        super().__init__(*rest)

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_GET

    def _answer(self) -> None:
        """The page that is asked for, or in one line why there is none."""
        host = self.headers.get("Host") or ""
        if re.sub(r":\d+$", "", host) not in NAMES:
            return self._say(HTTPStatus.MISDIRECTED_REQUEST, "this server answers to its loopback address only")
        path = unquote(urlsplit(self.path).path)
        try:
            make = self._page(path)
            if make is None:
                return self._say(HTTPStatus.NOT_FOUND, "there is no such page")
            self._send(HTTPStatus.OK, make())
        except BadInput as fault:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, str(fault))

    def _page(self, path: str) -> Callable[[], str] | None:
        """What makes the page of a path; only names that are in the list are pages."""
        if path == "/":
            return self._index
        if path == "/story":
            return lambda: build.page("site", build.story())
        run = runs_in(self.folder).get(path.removeprefix("/run/")) if path.startswith("/run/") else None
        return None if run is None else lambda: build.page("report", payload.read(run))

    def _index(self) -> str:
        lines = [
            f'<li><a href="/run/{quote(name)}">{html.escape(name)}</a></li>' for name in sorted(runs_in(self.folder))
        ]
        return INDEX.format(folder=html.escape(str(self.folder)), runs="".join(lines))

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, f"<!doctype html><title>takeback</title><p>{html.escape(text)}</p>")

    def _send(self, status: HTTPStatus, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is looked at is nobody's business."""
