"""Hugging Face language models of a few thousand random weights, in folders as `hf download` leaves them."""

import string
from pathlib import Path

import torch

CHARACTERS = [*string.printable[:95], "\n"]


def tokenizer(mask="<mask>", without=""):
    """A tokenizer whose tokens are single characters, besides the special ones."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    named = ["<pad>", "<bos>", "<eos>", "<unk>", "<mask>", *(c for c in CHARACTERS if c not in without)]
    made = Tokenizer(models.WordLevel({token: number for number, token in enumerate(named)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **special, **({"mask_token": mask} if mask else {}))


SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def configuration(kind, size, **changes):
    """Of a tiny network of a class of transformers, by the name of its configuration."""
    import transformers

    words = {"vocab_size": size, "max_position_embeddings": 4096, "initializer_range": 0.5, **SHAPE, **changes}
    return getattr(transformers, kind)(**words)


def folder(at: Path, kind="causal", tokens=None, config=None, **changes) -> Path:
    """A folder with a network and a tokenizer. kind: causal (Llama) or masked (Bert)."""
    import transformers

    tokens = tokens or tokenizer()
    config = config or {"causal": "LlamaConfig", "masked": "BertConfig"}[kind]
    maker = transformers.AutoModelForCausalLM if kind == "causal" else transformers.AutoModelForMaskedLM
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    maker.from_config(configuration(config, len(tokens), **changes)).save_pretrained(at)
    tokens.save_pretrained(at)
    return at
