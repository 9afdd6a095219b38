"""How boards are written for a language model, and how the model is loaded.

    >>> ReadingOptions(prompt="Solve:\n{board}\n")
    >>> place, options = read_place("mine.json")        # {"model": "../weights", "prompt": "Solve:\n{board}\n"}

Where a model is named on a command line, hf:PATH, PATH is its folder, or a JSON file that names the folder and any of
these options.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from csp import specs
from csp.errors import BadInput, shown
from csp.io.files import read_text
from csp.io.json_values import decode

KINDS = ("causal", "masked")
LAYOUTS = ("raster", "cells")
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class ReadingOptions:
    """Raises BadInput for choices that there are none of, and for options that do not go together.

    kind: causal or masked; "": as the name of the model's class says.
    prompt: what is read before the board, with {rules}, {board}, {edges}, {values}, {n} and {d} where wanted; None: the
    kind's own (board_text.PROMPTS). chat: send it as a user's message, by the tokenizer's chat template.
    values: what stands for the values 1, 2, ...; none: 1 to 9, then A, B, ... on boards, 10, 11, ... on graphs.
    blank: a blank cell in {board}. between, row_end: between two cells of a row, and after a row. assign: between a
    cell's name and its value.
    layout: of a causal model's answer, raster (the grid, cell after cell: it speaks about the first blank cell alone)
    or cells (a line a commit, which names its cell: it speaks about any); "": raster for decoders of order=raster.
    mask: the masked token; "": the tokenizer's own. shift: a token is said by the logits of the one before it (Dream).
    dtype: "": as the run's precision. device: "": a GPU if there is one. trust_remote_code: run the Python that lies
    beside the weights.
    """

    kind: str = ""
    prompt: str | None = None
    chat: bool = False
    values: tuple[str, ...] = ()
    blank: str = "."
    between: str = ""
    row_end: str = "\n"
    assign: str = "="
    layout: str = ""
    mask: str = ""
    shift: bool = False
    dtype: str = ""
    device: str = ""
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("kind", KINDS), ("layout", LAYOUTS), ("dtype", DTYPES)):
            specs.one_of(name, getattr(self, name), ("", *choices))
        if len(set(self.values)) < len(self.values):
            raise BadInput(f"values {', '.join(self.values)}: one stands for two values")
        if self.kind == "masked" and self.layout:
            raise BadInput("layout goes with kind causal: a masked model reads the whole board")
        if self.kind == "causal" and (self.mask or self.shift):
            raise BadInput("mask and shift go with kind masked")


def read_place(place: Path | str) -> tuple[Path, ReadingOptions]:
    """(the model's folder, its options) of a folder, or of a JSON file that names one. A folder named in a file is
    looked for from where the file is. Raises BadInput for a file that is none.
    """
    path = Path(place).expanduser()
    if path.suffix != ".json" or path.is_dir():
        return path, ReadingOptions()
    said = decode(read_text(path), str(path))
    if not isinstance(said, dict) or not isinstance(said.get("model"), str):
        raise BadInput(f'{path}: a JSON object like {{"model": "FOLDER", "prompt": "..."}} is needed')
    words = {name: value for name, value in said.items() if name != "model"}
    return path.parent / Path(said["model"]).expanduser(), options_of(words, str(path))


def options_of(words: dict[str, object], where: str) -> ReadingOptions:
    """The options of those names. Raises BadInput, naming `where`, for names and values that there are none of."""
    plain = {field.name: getattr(ReadingOptions(), field.name) for field in fields(ReadingOptions)}
    made: dict[str, object] = {}
    for name, value in words.items():
        if name not in plain:
            raise BadInput(f"{where}: no option {shown(name)}; there are {', '.join(plain)}")
        if name == "values" and isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            made[name] = tuple(value)
            continue
        wanted = str if name == "prompt" else type(plain[name])
        if type(value) is not wanted:
            kind = {str: "a text", bool: "true or false", tuple: "a list of texts"}[wanted]
            raise BadInput(f"{where}: {name} is {kind}, not {shown(value)}")
        made[name] = value
    try:
        return ReadingOptions(**made)
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
