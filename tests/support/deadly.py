"""Work for processes of the engine: harmless, deadly, and deadly the first time."""

import os
import signal
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def die() -> None:
    """Kill the process that is at it."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path) -> str:
    """Kill the process that is at it, unless that was done before."""
    if not mark.exists():
        mark.touch()
        die()
    return "survived"


def fail() -> None:
    raise ValueError("no such luck")


def node() -> str:
    """The address of the Ray node that is at it; slow enough for all nodes to get some."""
    import ray

    time.sleep(0.3)
    return ray.util.get_node_ip_address()


def done() -> str:
    return "done"


def slow_process(seconds: float) -> int:
    """The number of the process that is at it, for that long."""
    time.sleep(seconds)
    return os.getpid()


def threads() -> int:
    """How many threads torch uses here."""
    import torch

    return torch.get_num_threads()
