"""The documentation site: `make docs` builds it into docs/built.

Sphinx with Furo: it reads the Markdown that is here, warns about every link that leads nowhere, searches without a
server, and asks no other machine for anything.
"""

project = "takeback"
author = "the takeback developers"
html_show_copyright = False
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "takeback"
source_suffix = {".md": "markdown"}
exclude_patterns = ["templates", "lesson", "examples", "built", "mutants.md"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
