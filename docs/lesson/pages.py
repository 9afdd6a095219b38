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
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
LESSONS = sorted(HERE.glob("[0-9]*.py"))


def cells(path: Path) -> list[dict]:
    """The lesson's cells as run, with what each shows."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lesson.ipynb"
        command = ["marimo", "-q", "export", "ipynb", path.name, "--include-outputs", "-o", str(out)]
        environment = os.environ | {"CLASSROOM": "page", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", *command]
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{path.name}: {(done.stderr or done.stdout).strip()[-1500:]}")
        return json.loads(out.read_text(encoding="utf-8"))["cells"]


def page(path: Path) -> str:
    """The lesson as MyST Markdown."""
    parts, imports = [], ""
    for cell in cells(path):
        source = "".join(cell["source"]).strip()
        if cell["metadata"].get("marimo", {}).get("name") == "setup":
            imports = f"```{{raw}} html\n<details><summary>imports</summary><pre>{escape(source)}</pre></details>\n```"
            continue
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                raise SystemExit(f"{path.name}: {output['ename']}: {output['evalue']}")
            html = "".join(output.get("data", {}).get("text/html", "")).strip()
            html = html.replace("prose dark:prose-invert contents", "prose")  # Furo takes "contents" for its own
            if html:
                parts.append(f"```{{raw}} html\n{html}\n```")
        parts.append(f"```{{raw}} html\n<details><summary>code</summary><pre>{escape(source)}</pre></details>\n```")
    notebook = f"`make lesson N={path.name[0]}` opens this lesson as a notebook; it is `docs/lesson/{path.name}`."
    return "\n\n".join([parts[0], notebook, imports, *parts[1:]]) + "\n"


def main() -> None:
    """Write OUT/NAME.md of each lesson."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each lesson is a process of its own
        for path, made in zip(LESSONS, pool.map(page, LESSONS), strict=True):
            (out / f"{path.stem}.md").write_text(made, encoding="utf-8")
            print(f"{path.stem}: run", flush=True)


if __name__ == "__main__":
    main()
