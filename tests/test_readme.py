"""README's tree is the real one, and README and RESULTS stay as short as a reader's first minutes."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("csp", "solvers", "generators", "experiments", "takeback")


def test_the_tree_is_the_real_one():
    block = (ROOT / "README.md").read_text().split("## The tree\n```\n")[1].split("```")[0]
    told, parent = set(), ""
    for line in block.splitlines():
        name = line.split("/")[0]
        parent = parent if name.startswith("  ") else name.strip()
        told.add(f"{parent}/{name.strip()}" if name.startswith("  ") else parent)
        assert line.split("/", 1)[1].strip(), line  # what it is
    found = {
        path.parent.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")
    }
    assert told == {folder for folder in found if folder.count("/") < 2}


def test_documents_are_short():
    assert len((ROOT / "README.md").read_bytes()) <= 8 * 1024
    assert len((ROOT / "RESULTS.md").read_bytes()) <= 12 * 1024


def test_links_between_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "results").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
            made = link.startswith("generated/")  # by make docs, whose program checks these links
            assert made or link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"
