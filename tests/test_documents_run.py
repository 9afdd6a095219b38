"""Python that stands in the guides runs as it stands there."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.S | re.M), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_code_of_the_guides_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of it writes files
    exec(compile(block, "guide", "exec"), {"__name__": "guide"})


def test_there_is_code():
    assert len(BLOCKS) >= 2


def test_lessons_are_short():
    lessons = sorted((DOCS / "lesson").glob("[0-9]*.py"))
    assert len(lessons) == 9
    for lesson in lessons:
        assert len(lesson.read_text().splitlines()) <= 120, lesson.name
