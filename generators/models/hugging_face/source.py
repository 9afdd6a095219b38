"""A language model's folder: what is in it, the SHA-256 of what answers depend on, and whether it can be loaded here.

    >>> source = Source.open("weights")                 # or a JSON file that names the folder and options
    >>> source.sha256, source.tokens.values(9, board=True)

The weights themselves are read by network.load. They must be safetensors: a pickle is a program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

import safetensors
import torch

from csp.errors import BadInput, one_line, shown
from csp.io.files import read_text
from csp.io.json_values import decode
from csp.problem import Instance
from generators.models.hugging_face.board_text import PROMPTS, BoardText
from generators.models.hugging_face.options import ReadingOptions, read_place
from generators.models.hugging_face.token_map import TokenMap

READ = 1 << 24  # bytes at once, while a file is hashed
BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16}  # of safetensors' floating-point numbers


def transformers() -> ModuleType:
    """The library. Raises BadInput if it is not installed."""
    try:
        return import_module("transformers")
    except ImportError:
        raise BadInput("hf:PATH needs transformers: pip install 'takeback[hf]'") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Within, transformers says only what is wrong, and draws no bars: a message of ours comes in their place."""
    logging = transformers().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@dataclass(frozen=True, eq=False)
class Source:
    """A model's place (as it was named), its folder, its options with the kind filled in, and config.json's content."""

    place: str
    folder: Path
    options: ReadingOptions
    config: dict

    @staticmethod
    def open(place: Path | str, options: ReadingOptions | None = None) -> Source:
        """The model at a place. options: instead of those of the place.

        Raises BadInput, in one line, for a folder that is not there or holds no model that can be read.
        """
        folder, own = read_place(place)
        options = own if options is None else options
        if not folder.is_dir():
            raise BadInput(
                f"{folder}: no such folder; a model of the Hugging Face hub is downloaded first: "
                "hf download NAME --local-dir FOLDER"
            )
        if not (folder / "config.json").exists():
            raise BadInput(f"{folder}: no model is in it (config.json is missing)")
        config = decode(read_text(folder / "config.json"), str(folder / "config.json"))
        if not isinstance(config, dict):
            raise BadInput(f"{folder / 'config.json'}: not a model's configuration")
        found = Source(str(place), folder, options, config)
        return replace(found, options=found._with_kind())

    @property
    def name(self) -> str:
        """As decoders are spelled: hf:PATH."""
        return f"hf:{self.place}"

    @property
    def architecture(self) -> str:
        """The name of the model's class, "" if it is not told."""
        names = self.config.get("architectures")
        return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""

    def _with_kind(self) -> ReadingOptions:
        """The options with the kind that the model's class says, unless they say it."""
        if self.options.kind:
            return self.options
        for ending, kind in (("ForCausalLM", "causal"), ("LMHeadModel", "causal"), ("ForMaskedLM", "masked")):
            if self.architecture.endswith(ending):
                if kind == "causal" and (self.options.mask or self.options.shift):
                    break  # these say that it is masked, its class otherwise: the user decides
                return replace(self.options, kind=kind)
        raise BadInput(
            f"{self.folder}: its class, {shown(self.architecture)}, does not say whether it is causal or masked; "
            f'say it: {{"model": {json.dumps(str(self.folder))}, "kind": "masked"}} in a JSON file'
        )

    @cached_property
    def weights(self) -> tuple[Path, ...]:
        """The weights' files, by name. Raises BadInput if there are none, or one is missing or truncated."""
        index = self.folder / "model.safetensors.index.json"
        if index.exists():
            said = decode(read_text(index), str(index))
            parts = said.get("weight_map") if isinstance(said, dict) else None
            if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
                raise BadInput(f"{index}: it names no files of weights")
            files = tuple(self.folder / name for name in sorted(set(parts.values())))
        else:
            files = tuple(sorted(self.folder.glob("*.safetensors")))
        if not files:
            others = next(iter(sorted(self.folder.glob("*.bin"))), None)
            more = f"; {others.name} may be a pickle, which is not read" if others else ""
            raise BadInput(f"{self.folder}: no *.safetensors in it{more}")
        for file in files:
            if not file.is_file():
                raise BadInput(f"{file}: a part of the weights is missing")
            try:
                with safetensors.safe_open(file, "pt"):
                    pass
            except (safetensors.SafetensorError, OSError) as fault:
                raise BadInput(f"{file}: truncated or not a safetensors file ({one_line(str(fault))[:120]})") from None
        return files

    @cached_property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each file that answers depend on: weights, configuration, tokenizer, and Python to be run."""
        beside = [path for pattern in ("*.json", "*.txt", "*.model", "*.jinja") for path in self.folder.glob(pattern)]
        code = list(self.folder.glob("*.py")) if self.options.trust_remote_code else []
        return {path.name: _sha256(path) for path in sorted({*self.weights, *beside, *code})}

    @cached_property
    def sha256(self) -> str:
        """Of the lines "SHA-256  NAME" of `files`, and of the options as a line of JSON."""
        lines = [f"{digest}  {name}" for name, digest in self.files.items()]
        lines.append(json.dumps(asdict(self.options), sort_keys=True))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def tokens(self) -> TokenMap:
        """The token map. Raises BadInput for a tokenizer that cannot be loaded, or has no masked token."""
        library = transformers()
        try:
            with quiet():
                tokenizer = library.AutoTokenizer.from_pretrained(
                    self.folder, local_files_only=True, trust_remote_code=self.options.trust_remote_code
                )
        except Exception as fault:  # files of any kind, and code beside them
            raise BadInput(f"{self.folder}: its tokenizer cannot be loaded ({brief(fault)})") from None
        return TokenMap(tokenizer, self.options, self.options.kind, self.place, self._vocabulary())

    def _vocabulary(self) -> int:
        """How many ids the network knows; as many as anybody asks for if the configuration does not say."""
        inner = self.config.get("text_config")
        said = self.config.get("vocab_size", inner.get("vocab_size") if isinstance(inner, dict) else None)
        return said if isinstance(said, int) else 1 << 62

    @property
    def most_tokens(self) -> int:
        """How long a text the network reads, by its configuration."""
        names = ("max_position_embeddings", "n_positions", "max_sequence_length")
        limits = [self.config[name] for name in names if isinstance(self.config.get(name), int)]
        return min(limits, default=1 << 62)

    def text(self, instance: Instance, layout: str = "") -> BoardText:
        """The puzzle as tokens. layout: of a causal model's answer, which says how long the text may become; "": the
        one that the options name, or the shorter.

        Raises BadInput for a puzzle of which a value is no token, or that is too long.
        """
        kind, layout = self.options.kind, layout or self.options.layout
        made = BoardText(instance, self.tokens, PROMPTS[kind] if self.options.prompt is None else self.options.prompt)
        assert len(made.values) == instance.problem.d  # each is a token
        longest = made.longest
        needed = longest[kind if kind == "masked" else layout or min(("raster", "cells"), key=longest.get)]
        if needed > self.most_tokens:
            name = instance.problem.name
            raise BadInput(f"{self.place} reads {self.most_tokens} tokens; a {name} takes up to {needed}")
        return made

    def check_room(self, dtype: torch.dtype, device: torch.device) -> None:
        """Raises BadInput if the weights do not fit into the memory that is free."""
        needed = 0
        for file in self.weights:
            with safetensors.safe_open(file, "pt") as parts:
                for name in parts.keys():  # noqa: SIM118 (not a dict)
                    part = parts.get_slice(name)
                    floats = part.get_dtype() in BITS
                    size = dtype.itemsize if floats else 8
                    needed += size * int(torch.Size(part.get_shape()).numel())
        free = free_bytes(device)
        if free is not None and needed > free:
            raise BadInput(
                f"{self.folder}: its weights take {needed / 1e9:.1f} GB in {str(dtype).removeprefix('torch.')}, and "
                f"{free / 1e9:.1f} GB are free on {device}; a smaller dtype can be named in a JSON file"
            )


def free_bytes(device: torch.device) -> int | None:
    """How much memory is free there; None where that cannot be told."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def brief(fault: Exception) -> str:
    """What went wrong in a library, in a line that a message has room for."""
    text = str(fault) or type(fault).__name__
    return one_line(text)[:300]


def _sha256(path: Path) -> str:
    """Of a file's content. Raises BadInput if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(READ):
                digest.update(part)
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None
    return digest.hexdigest()
