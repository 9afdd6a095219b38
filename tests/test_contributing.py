"""CONTRIBUTING.md names files and tables that exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = sorted(set(re.findall(r"`(\.?\w[\w.]*/[\w./]*|\w+\.(?:md|cfg))`", TEXT)))
TABLES = re.findall(r"((?:`[A-Za-z_]+`(?:, | and )?)+) (?:in|of) `(\w[\w./]*\.py)`", TEXT)
NAMES = [(name, path) for names, path in TABLES for name in re.findall(r"`(\w+)`", names)]


@pytest.mark.parametrize("path", PATHS)
def test_paths_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("name", "path"), NAMES)
def test_names_stand_in_the_files_that_are_named_for_them(name, path):
    module = import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    assert hasattr(module, name)


def test_the_patterns_find_what_the_text_says():
    assert {"csp/families/", "solvers/__init__.py", ".ci/run", "setup.cfg"} <= set(PATHS)
    assert {"FAMILIES", "SOLVERS", "DECODER_WORDS", "EXPERIMENTS", "suspects"} <= {name for name, _ in NAMES}
