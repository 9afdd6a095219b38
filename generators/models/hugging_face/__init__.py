"""Hugging Face language models that decode puzzles, token by token (docs/hugging-face.md).

    options      how boards are written for a model, and how it is loaded: ReadingOptions, also as a JSON file
    source       a model's folder: what is in it, its SHA-256, whether it can be loaded here
    token_map    which token stands for which value, and how pieces of text become tokens
    board_text   the prompt, the grid and the commits, as tokens
    network      the model in memory: LanguageModel, with open(boards) as every model here
    causal       its session if it writes one token after another, with a KV cache
    masked       its session if it fills masked tokens, all at once

Only network, source and the caches of causal import transformers, and only when they are used:
pip install takeback[hf].
"""
