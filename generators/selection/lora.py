"""Adapters of low rank beside a frozen network's matrices (LoRA, Hu et al. 2022), by peft.

>>> with_adapters(network, rank=4)                # in place; what has gradients now are the adapters
"""

from __future__ import annotations

import warnings

from torch import nn

from csp.errors import BadInput

#: The matrices of a block (generators/models/transformer.py) that get one.
MATRICES = ("qkv", "out", "up", "down")
SCALE = 2  # alpha / rank


def check_installed() -> None:
    """Raises BadInput unless peft is there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import peft  # noqa: F401
    except ImportError:
        raise BadInput("adapters of low rank need peft: pip install 'takeback[selection]'") from None


def with_adapters(network: nn.Module, rank: int) -> nn.Module:
    """The network, frozen, with an adapter beside each of MATRICES; at first they change nothing. Their weights are
    drawn from torch's seed. Raises BadInput if peft is not there.
    """
    check_installed()
    from peft import LoraConfig, inject_adapter_in_model

    network.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules=list(MATRICES))
    return inject_adapter_in_model(config, network)
