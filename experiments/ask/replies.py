"""A server's reply as it came, and what is in it: the text, what was reasoned, how it ended, what it cost.

    >>> parsed(b'{"choices": [{"message": {"content": "r1c2 = 3"}, "finish_reason": "stop"}]}').status
    'answered'

What the protocol says of a chat completion is all that is relied on; servers differ in the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

#: answered: it ended by itself, with a text. cut off: at the limit of tokens. refused: by the model or a filter. empty:
#: without a text.
STATUSES = ("answered", "cut off", "refused", "empty")
#: Where servers put what a model reasoned before it answered.
REASONING = ("reasoning_content", "reasoning")
SHOWN = 120  # characters of a body that is no reply, in messages


class NoReply(ValueError):
    """A body that is no chat completion. retry: whether it may be one that was damaged on its way."""

    def __init__(self, message: str, retry: bool = False):
        super().__init__(message)
        self.retry = retry


@dataclass(frozen=True)
class Reply:
    """text: the message's; reasoning: what a server gives apart from it, or between <think> tags. tokens: of prompt,
    reply and both, None where the server does not count.
    """

    status: str
    text: str
    reasoning: str
    finish: str | None
    prompt_tokens: int | None
    reply_tokens: int | None
    total_tokens: int | None


def parsed(body: bytes) -> Reply:
    """What is in a body. Raises NoReply for one that is no chat completion."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        start = body[:1].lstrip()
        raise NoReply(f"no JSON, it begins {_shown(body)}", retry=start in (b"{", b"")) from None
    if isinstance(said, dict) and isinstance(said.get("error"), dict | str) and not said.get("choices"):
        error = said["error"]
        message = error if isinstance(error, str) else str(error.get("message") or error)
        raise NoReply(f"an error in place of a reply: {message[:300]}", retry=_transient(error))
    try:
        choice = said["choices"][0]
        message = choice["message"]
        content = _text(message.get("content"))
        apart = "\n".join(filter(None, (_text(message.get(name)) for name in REASONING[:1])))
        apart = apart or _text(message.get(REASONING[1]))
        refused = _text(message.get("refusal"))
        finish = choice.get("finish_reason")
    except (TypeError, KeyError, IndexError, AttributeError):
        raise NoReply(f"no choices[0].message in it, it begins {_shown(body)}") from None
    text, thought = split(content)
    usage = said.get("usage") if isinstance(said.get("usage"), dict) else {}
    prompt, reply, total = (_count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    if total is None and prompt is not None and reply is not None:
        total = prompt + reply
    finish = finish if isinstance(finish, str) else None
    if finish == "length":
        status = "cut off"
    elif refused or finish == "content_filter":
        status = "refused"
    else:
        status = "answered" if text.strip() else "empty"
    reasoning = "\n".join(filter(None, (apart, thought)))
    return Reply(status, text or refused, reasoning, finish, prompt, reply, total)


def split(content: str) -> tuple[str, str]:
    """(text, thought): what stands before </think>, with or without the tag that opens it, is thought."""
    opened = content.lstrip().startswith("<think>")
    thought, closed, text = content.partition("</think>")
    if not closed:
        return ("", content.lstrip().removeprefix("<think>")) if opened else (content, "")
    return text, thought.lstrip().removeprefix("<think>")


def _text(value: object) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _transient(error: object) -> bool:
    code = error.get("code") if isinstance(error, dict) else None
    return code in (408, 429) or (isinstance(code, int) and code >= 500)


def _shown(body: bytes) -> str:
    return repr(body[:SHOWN].decode(errors="replace").strip())
