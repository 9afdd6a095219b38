"""Which token stands for which value, and how pieces of text become tokens.

    >>> tokens = TokenMap(tokenizer, options, "weights")
    >>> tokens.values(d=9, board=True)                  # ids (9,) of "1" to "9"
    >>> tokens.pieces("r1c2=")                          # ids, without special tokens

A value must be one token: a call of the model then is one commit. Text is turned into tokens piece by piece, so that a
board's tokens do not depend on what stands beside them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput, one_line, shown
from csp.families.sudoku import SYMBOLS
from generators.models.hugging_face.options import ReadingOptions


def symbols(d: int, board: bool) -> tuple[str, ...]:
    """What stands for the values 1..d unless it is told otherwise: of boards one symbol each, as in their files."""
    if board and d < len(SYMBOLS):
        return tuple(SYMBOLS[1 : d + 1])
    return tuple(str(value) for value in range(1, d + 1))


class TokenMap:
    """A tokenizer, as boards need it. where: the model's place, for messages; vocabulary: how many ids it knows.

    Raises BadInput for a masked model without a masked token.
    """

    def __init__(self, tokenizer: Any, options: ReadingOptions, kind: str, where: str, vocabulary: int):
        self.tokenizer, self.options, self.where, self.vocabulary = tokenizer, options, where, vocabulary
        self.mask = self._mask() if kind == "masked" else None
        self.opening, self.closing = self._special(kind)
        self.pieces = lru_cache(maxsize=100_000)(self._pieces)  # cells' names and separators come again and again

    def texts(self, d: int, board: bool) -> tuple[str, ...]:
        """What stands for the values 1..d. Raises BadInput if the options name fewer."""
        named = self.options.values
        if named and len(named) < d:
            raise BadInput(f"{self.where}: values names {len(named)}; the puzzle has {d}")
        return named[:d] if named else symbols(d, board)

    def values(self, d: int, board: bool) -> Int[np.ndarray, " d"]:
        """The ids of the values 1..d. Raises BadInput for a value that is not one token, each its own."""
        ids = [self._one(text) for text in self.texts(d, board)]
        if len(set(ids)) < d or self.mask in ids:
            raise BadInput(f"{self.where}: two of {', '.join(self.texts(d, board))} and the mask are the same token")
        return np.array(ids)

    def prompt(self, text: str) -> list[int]:
        """The ids of what is read before the board, with the tokens that open a text. Raises BadInput if it is a
        message and the tokenizer has no chat template.
        """
        if not self.options.chat:
            return [*self.opening, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]
        message = [{"role": "user", "content": text}]
        try:
            return list(
                self.tokenizer.apply_chat_template(
                    message, add_generation_prompt=True, tokenize=True, return_dict=False
                )
            )
        except Exception as fault:  # a template is a program of its own, and raises what it likes
            raise BadInput(f"{self.where}: chat, but its chat template cannot be used ({_brief(fault)})") from None

    def _pieces(self, text: str) -> tuple[int, ...]:
        """The ids of a piece of text, without special tokens."""
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def _one(self, text: str) -> int:
        """The id of a text that is one token. Raises BadInput if it is none."""
        ids = self._pieces(text)
        if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id:
            return self._known(ids[0], text)

        # SentencePiece puts a space before a lone digit, and has a token without one all the same.
        alone = self.tokenizer.get_vocab().get(text)
        if alone is not None:
            return self._known(alone, text)
        raise BadInput(
            f"{self.where}: its tokenizer has no single token for {shown(text)}; values names others: "
            '{"model": ..., "values": ["a", "b", ...]} in a JSON file'
        )

    def _known(self, token: int, text: str) -> int:
        """The id, if the model has it too. Raises BadInput otherwise."""
        if token >= self.vocabulary:
            raise BadInput(f"{self.where}: token {token}, {shown(text)}, is none of its network's {self.vocabulary}")
        return token

    def _mask(self) -> int:
        """The id of the masked token."""
        if self.options.mask:
            known = self.tokenizer.get_vocab().get(self.options.mask)
            if known is None:
                raise BadInput(f"{self.where}: its tokenizer has no token {shown(self.options.mask)}, the mask")
            return self._known(known, self.options.mask)
        if self.tokenizer.mask_token_id is None:
            raise BadInput(
                f"{self.where}: its tokenizer has no mask token; name it: "
                '{"model": ..., "mask": "<|mask|>"} in a JSON file'
            )
        return self._known(int(self.tokenizer.mask_token_id), str(self.tokenizer.mask_token))

    def _special(self, kind: str) -> tuple[list[int], list[int]]:
        """The tokens that the tokenizer puts before and after a text. A causal model's text is not closed."""
        plain = list(self.tokenizer("1", add_special_tokens=False)["input_ids"])
        full = list(self.tokenizer("1")["input_ids"])
        for start in range(len(full) - len(plain) + 1):
            if full[start : start + len(plain)] == plain:
                return full[:start], full[start + len(plain) :] if kind == "masked" else []
        return [], []


def _brief(fault: Exception) -> str:
    return one_line(str(fault) or type(fault).__name__)[:200]
