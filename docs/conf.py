"""The documentation site: `make docs` builds it into docs/built.

Sphinx with Furo: it reads the Markdown that is here, warns about every link that leads nowhere, searches without a
server, and asks no other machine for anything.
"""

project = "takeback"
author = "the takeback developers"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "takeback"
html_static_path = ["examples"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["templates", "lesson", "examples", "built", "mutants.md"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
# Formulas are shown as they are written: a program that sets them would have to be fetched.
html_math_renderer = "mathjax"
mathjax_path = ""
nitpicky = True
