"""Everything that predicts values: Model -> Session -> Prediction (interface.py).

    uniform, exact                       no network: every value alike; conditionals by counting
    autoregressive, prompted_ar          networks that write a cell at a time; the second is told rules
    backtracking_ar                      one that writes its own undo
    masked_diffusion, latent_diffusion   networks that read the whole board at each call
    quality_head, latent_classifier      heads: is this value right? do these rules hold?
    transformer, backbone_config         the one backbone of all networks, and its shape
    causal, kv_cache, rule_features      what several networks share
    hugging_face                         language models of transformers, in a folder of the user's
    examples                             what a network learns from: corrupt() and loss()

To add a network: a class with open(boards), or score() for a head, in a file here; for training corrupt(boards,
solutions, rng) -> Examples and loss(examples) -> (batch,); an entry in KINDS of generators/checkpoint.py and one in
Kind of generators/training/config.py. To add a loss to a network: a kind of its own, told apart in corrupt() and
loss(), as latent_diffusion.py does. A model that decoders may name needs a word in DECODER_WORDS
(generators/decoding/spec.py).
"""
