"""Data put into a built page: one file that needs nothing else, and that may load nothing else.

    >>> html = page("report", read(folder))

The page's own script is allowed by its hash, so that nothing that is in the data can run.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_text

BUILT = Path(__file__).parent / "built"
STORY = BUILT / "story.json"  # experiments/page/story.py makes it
PLACE = "PAYLOAD"
SCRIPT = re.compile(r"<script type=\"module\"[^>]*>(.*?)</script>", re.DOTALL)
#: What a page may do: run its own script, use its own styles and pictures; nothing from anywhere else.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:; "
    "base-uri 'none'; form-action 'none'"
)


def story() -> dict:
    """What the story's page is given. Raises BadInput if the package's copy cannot be read."""
    return json.loads(read_text(STORY))


def page(name: str, payload: dict, files: Mapping[str, bytes] | None = None) -> str:
    """The built page of that name with its data, and files that it unpacks when it needs them; a page with files may
    run WebAssembly. Raises BadInput if the package holds no such page.
    """
    html = read_text(BUILT / f"{name}.html")
    if PLACE not in html:
        raise BadInput(f"{BUILT / name}.html has no place for data; build it again (npm run build)")
    data = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in SCRIPT.findall(html)]
    allowed = [f"'sha256-{digest}'" for digest in hashes] + ["'wasm-unsafe-eval'"] * bool(files)
    policy = POLICY.format(scripts=" ".join(allowed))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {meta}', 1)
    html = html.replace(f">{PLACE}<", f">{packed(data)}<", 1)
    held = "".join(
        f'<script type="text/plain" id="file-{escape(file)}">{packed(content)}</script>\n'
        for file, content in (files or {}).items()
    )
    body = html.rindex("</body>")  # behind the script and the data, which may hold anything
    return html[:body] + held + html[body:]


def packed(content: bytes) -> str:
    """Gzip in base64, as src/core/packed.ts reads it."""
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()
