"""Public names say what they are, what they raise, and the shapes of arrays that their annotations leave open."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("csp", "solvers", "generators", "experiments", "takeback")
FILES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")) if "node_modules" not in path.parts]
TREES = {path: ast.parse(path.read_text()) for path in FILES}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
ARRAY = r"(np\.ndarray|(torch\.)?Tensor)( \| (int|None))*"
INNER = {"AssertionError", "IsADirectoryError"}  # a fault of ours, and one that is turned into a message
SHAPE = r"\((\w+,|\w+(, \w+)+|\w+ or \w+(, \w+)+|\.\.\.|a scalar)\)|[Ss]hape"  # (n,), (batch, N)
#: Methods whose meaning is another project's, or that of an interface (generators/models/interface.py) or a field.
KNOWN = {"forward", "backward", "open", "predict", "do_GET", "do_HEAD", "name", "config", "path", "width", "title"}


def methods():
    """By class: the methods that it documents, and its bases; a file's protocols count as bases of all its classes."""
    made = {}
    for tree in TREES.values():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        above = {node.name: [ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases] for node in classes}
        protocols = [name for name, bases in above.items() if "Protocol" in bases]
        for node in classes:
            told = {some.name for some in node.body if isinstance(some, FUNCTION) and ast.get_docstring(some)}
            made[node.name] = (told, above[node.name] + protocols * (node.name not in protocols))
    return made


METHODS = methods()


def inherits(cls, method):
    """Whether a class above documents the method."""
    _, above = METHODS.get(cls, (set(), []))
    return any(method in METHODS.get(base, (set(), []))[0] or inherits(base, method) for base in above)


def public():
    """(where, class, node) of public functions, methods and classes."""
    for path, tree in TREES.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for cls, body in [("", tree.body), *((node.name, node.body) for node in classes)]:
            for node in body:
                here = isinstance(node, (*FUNCTION, ast.ClassDef))
                if here and not node.name.startswith("_") and not cls.startswith("_"):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", cls, node


PUBLIC = list(public())
#: Functions that stand in a Property(name, what must hold, function): that sentence is what they say.
PROMISED = {
    ast.unparse(call.args[2])
    for tree in TREES.values()
    for call in ast.walk(tree)
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "Property" and len(call.args) == 3
}


def raised(node, caught=frozenset()):
    """The exceptions that a function raises by name and does not catch itself."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        name = ast.unparse(node.exc.func)
        return set() if name in caught or name.startswith("_") else {name}
    if isinstance(node, ast.Try):
        inside = caught | {name for handler in node.handlers for name in re.findall(r"\w+", _caught(handler))}
        rest = [*node.handlers, *node.orelse, *node.finalbody]
        return set().union(*(raised(n, inside) for n in node.body), *(raised(n, caught) for n in rest))
    inner = (child for child in ast.iter_child_nodes(node) if not isinstance(child, (*FUNCTION, ast.ClassDef)))
    return set().union(*(raised(child, caught) for child in inner))


def _caught(handler):
    return "" if handler.type is None else ast.unparse(handler.type)


def test_files_open_with_what_they_are():
    assert [str(path.relative_to(ROOT)) for path, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_public_names_are_documented():
    bare = [
        where
        for where, cls, node in PUBLIC
        if not ast.get_docstring(node) and not (node.name in KNOWN or inherits(cls, node.name) or node.name in PROMISED)
    ]
    assert bare == []


def test_docstrings_say_what_is_raised():
    silent = [
        (where, *sorted(raised(node)))
        for where, _, node in PUBLIC
        if isinstance(node, FUNCTION)
        and any(name not in (ast.get_docstring(node) or name) for name in raised(node) - INNER)
    ]
    assert silent == []


def test_shapes_are_annotated_or_told():
    """An array's annotation without a shape asks for one in the docstring, in brackets."""
    open_ = []
    for where, cls, node in PUBLIC:
        if not isinstance(node, FUNCTION) or node.name in KNOWN or inherits(cls, node.name) or node.name in PROMISED:
            continue
        annotations = [argument.annotation for argument in (*node.args.args, *node.args.kwonlyargs)] + [node.returns]
        bare = any(re.fullmatch(ARRAY, ast.unparse(annotation)) for annotation in annotations if annotation)
        if bare and not re.search(SHAPE, ast.get_docstring(node) or ""):
            open_.append(where)
    assert open_ == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f():\n    raise BadInput('x')", {"BadInput"}),
        ("def f():\n    try:\n        raise BadInput('x')\n    except BadInput:\n        pass", set()),
        ("def f():\n    try:\n        pass\n    except OSError:\n        raise BadInput('x') from None", {"BadInput"}),
    ],
)
def test_what_is_raised_is_found(code, names):
    assert raised(ast.parse(code).body[0]) == names


def test_enough_is_looked_at():
    assert len(PUBLIC) > 1000
