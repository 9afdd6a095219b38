"""One request to an OpenAI-compatible chat server, through the `openai` client, and what became of it.

The client's own retries are off: whether to ask again is decided in asking.py, where each attempt is counted against
the budget. Keys are read from the environment and are in nothing that is said or written here.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from csp.errors import BadInput, one_line
from experiments.ask.questions import Question
from experiments.ask.replies import NoReply, Reply, parsed

#: How servers say that a prompt and the reply's limit are more than they can hold.
CONTEXT = ("context length", "context_length", "context size", "context window", "maximum context", "too many tokens")
SHORTEST_SCRUBBED = 8  # characters of a key that is taken out of replies, too; "EMPTY" is a word
CONNECT = 10.0  # seconds in which a server must take a connection


@dataclass(frozen=True)
class Fault:
    """Why there is no reply. kind: in a word; retry: whether it may pass; stop: whether all others would fail likewise;
    spent: whether tokens may have been spent on it; wait: seconds that the server asks for; body: what came instead.
    """

    kind: str
    message: str
    retry: bool = False
    stop: bool = False
    spent: bool = False
    wait: float | None = None
    body: str | None = None


@dataclass(frozen=True)
class Answer:
    """A reply: its body as it came, what is in it, and the seconds it took."""

    body: str
    reply: Reply
    seconds: float


def base_url(endpoint: str) -> str:
    """The address that a client takes: a bare host gets /v1, .../chat/completions loses that.

    Raises BadInput for what is no address of a server, and for one that holds a key.
    """
    parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise BadInput("--endpoint is the address of a server, like http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise BadInput(
            "--endpoint is scheme, host, port and path alone; a key is read from the environment (--key-from)"
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


class Server:
    """Sends questions. key: None for a server without keys; timeout: seconds for a whole request.

    Raises BadInput if the openai package is missing.
    """

    def __init__(self, endpoint: str, key: str | None, timeout: float):
        try:
            import openai
        except ImportError:
            raise BadInput("the openai package is not installed: pip install 'takeback[ask]'") from None
        self.openai, self.endpoint, self.key = openai, base_url(endpoint), key
        self.timeout = timeout
        self.client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=self.endpoint,
            max_retries=0,
            timeout=openai.Timeout(timeout, connect=min(CONNECT, timeout)),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.close()

    async def send(self, question: Question) -> Answer | Fault:
        """Ask once. Nothing is raised for what a server or the way to it does."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout):  # of the whole; the client's is from byte to byte
                raw = await self.client.chat.completions.with_raw_response.create(
                    model=str(question.settings["model"]),
                    messages=[{"role": "user", "content": question.prompt}],
                    extra_body={name: value for name, value in question.settings.items() if name != "model"},
                )
                body = raw.content
        except (TimeoutError, self.openai.APITimeoutError):
            return Fault("timeout", f"no reply within {self.timeout:g} s (--timeout)", retry=True, spent=True)
        except self.openai.APIStatusError as fault:
            refusal = self._refusal(fault)
            return await self._with_models(refusal) if refusal.kind == "unknown" else refusal
        except self.openai.APIConnectionError as fault:
            return self._no_connection(fault)
        except (self.openai.OpenAIError, UnicodeError) as fault:
            return Fault("client", self.clean(str(fault)), stop=True)
        kept = self.scrubbed(body.decode("utf-8", errors="surrogateescape"))
        try:
            return Answer(kept, parsed(body), time.monotonic() - started)
        except NoReply as fault:
            return Fault(
                "not a chat server" if not fault.retry else "damaged",
                f"{self.endpoint}/chat/completions answers with {self.clean(str(fault))}",
                retry=fault.retry,
                spent=True,
                body=kept[:2_000],
            )

    async def _with_models(self, fault: Fault) -> Fault:
        """The fault with the names of what the server has, if it tells them."""
        with suppress(Exception):
            async with asyncio.timeout(CONNECT):
                page = await self.client.models.list()
                names = self.clean(", ".join(sorted(str(model.id) for model in page.data)))
                return replace(fault, message=f"{fault.message}; the server has {names}")
        return replace(fault, message=f"{fault.message} (is {self.endpoint}/chat/completions where it answers?)")

    def scrubbed(self, text: str) -> str:
        """A reply without the key, should the server have sent it back."""
        return text.replace(self.key, "[key]") if self.key and len(self.key) >= SHORTEST_SCRUBBED else text

    def clean(self, text: str) -> str:
        """A message in one line, without the key."""
        return one_line(text.replace(self.key, "[key]") if self.key else text)[:300]

    def _refusal(self, fault: Any) -> Fault:
        """What a status above 399 means."""
        status, body = fault.status_code, fault.body
        said = body.get("error", body) if isinstance(body, dict) else body
        said = said.get("message") or said.get("detail") or said if isinstance(said, dict) else said
        message = f"HTTP {status}: {self.clean(str(said or fault.response.reason_phrase))}"
        low = message.lower()
        if status in (401, 403):
            return Fault("key", f"{message} (a key is read from OPENAI_API_KEY, or from --key-from)", stop=True)
        if status == 404:
            return Fault("unknown", message, stop=True)
        if status in (400, 413, 422) and any(words in low for words in CONTEXT):
            return Fault("context", message)
        if status == 429 and fault.code == "insufficient_quota":
            return Fault("quota", message, stop=True)
        if status in (408, 409, 425, 429) or status >= 500:
            kind = "busy" if status == 429 else "server"
            return Fault(kind, message, retry=True, spent=status == 504, wait=retry_after(fault.response.headers))
        return Fault("bad request", message)

    def _no_connection(self, fault: Any) -> Fault:
        cause = fault.__cause__
        why = self.clean(str(cause) or type(cause).__name__) if cause is not None else "no connection"
        if type(cause).__name__ in (
            "ConnectError",
            "ConnectTimeout",
            "UnsupportedProtocol",
            "ProxyError",
            "PoolTimeout",
        ):
            return Fault("unreachable", f"no server at {self.endpoint} ({why})", retry=True)
        return Fault("dropped", f"{self.endpoint} dropped the connection ({why})", retry=True, spent=True)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, 10.2.3: a number or a date); None if it does not say."""
    said = headers.get("retry-after-ms")
    with suppress(TypeError, ValueError):
        return max(0.0, float(said) / 1000)
    said = headers.get("retry-after")
    if said is None:
        return None
    with suppress(ValueError):
        seconds = float(said)
        return max(0.0, seconds) if seconds < float("inf") else None
    with suppress(TypeError, ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    return None
