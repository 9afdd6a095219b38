"""What a call of a language model costs: 2 FLOPs for each of its weights and token read, and attention.

    >>> costs = NetworkCosts.of(network)
    >>> costs.flops(tokens=10, pairs=55)

Weights are those of the layers: neither the embeddings nor the head, which are as large as the vocabulary. Of a mixture
of experts all are counted. Attention is 4 FLOPs for each pair of tokens of which one looks at the other, layer and
number of a head's width times the heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class NetworkCosts:
    """weights: of the layers; attention: layers times heads times their width."""

    weights: int
    attention: int

    @staticmethod
    def of(network: nn.Module) -> NetworkCosts:
        """Those of a network of transformers, by its modules and configuration."""
        spared = {id(weight) for module in _vocabulary_modules(network) for weight in module.parameters()}
        weights = sum(weight.numel() for weight in network.parameters() if id(weight) not in spared)

        # Configurations of one library name the same things differently.
        config = network.config.get_text_config() if hasattr(network.config, "get_text_config") else network.config
        layers, width = _number(config, "num_hidden_layers", "n_layers", "n_layer"), _width(config)
        return NetworkCosts(weights, layers * width)

    def flops(self, tokens: int, pairs: int) -> float:
        """Of reading so many tokens that look at so many in all."""
        return float(2 * self.weights * tokens + 4 * self.attention * pairs)


def _vocabulary_modules(network: nn.Module) -> list[nn.Module]:
    """The modules of which a token uses one row, and the head."""
    found = [module for module in network.modules() if isinstance(module, nn.Embedding)]
    head = network.get_output_embeddings() if hasattr(network, "get_output_embeddings") else None
    return found if head is None else [*found, head]


def _number(config: Any, *names: str) -> int:
    """The first of those numbers that the configuration has, else 0."""
    return next((value for name in names if isinstance(value := getattr(config, name, None), int)), 0)


def _width(config: Any) -> int:
    heads, head = _number(config, "num_attention_heads", "n_heads", "n_head"), _number(config, "head_dim")
    if not heads:
        return 0  # nothing looks at anything
    return heads * head if head else _number(config, "hidden_size", "d_model", "n_embd")
