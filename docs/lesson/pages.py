"""Every lesson run from its first cell to its last, and kept as a page of the site: python docs/lesson/pages.py OUT

marimo runs them; its own pages ask a server elsewhere for their program, these are text and plain HTML. Results,
answers and code are folded. A cell that fails is named, and ends it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
LESSONS = sorted(HERE.glob("[0-9]*.py"))


def cells(path: Path) -> list[dict]:
    """The lesson's cells as run, with what each shows."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lesson.ipynb"
        command = ["marimo", "-q", "export", "ipynb", path.name, "--include-outputs", "-o", str(out)]
        environment = os.environ | {"CLASSROOM": "page"}
        command = [sys.executable, "-m", *command]
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{path.name}: {(done.stderr or done.stdout).strip()[-1500:]}")
        return json.loads(out.read_text(encoding="utf-8"))["cells"]


def page(path: Path) -> str:
    """The lesson as MyST Markdown."""
    parts = []
    for cell in cells(path):
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                raise SystemExit(f"{path.name}: {output['ename']}: {output['evalue']}")
            html = "".join(output.get("data", {}).get("text/html", "")).strip()
            if html:
                parts.append(f"```{{raw}} html\n{html}\n```")
        parts.append(f"```{{raw}} html\n<details><summary>code</summary><pre>{escape(source)}</pre></details>\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write OUT/NAME.md of each lesson."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for path in LESSONS:
        (out / f"{path.stem}.md").write_text(page(path), encoding="utf-8")
        print(f"{path.stem}: run")


if __name__ == "__main__":
    main()
