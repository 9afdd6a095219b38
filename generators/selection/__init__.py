"""Choosing data by gradients (LESS, Xia et al. 2024): items of many skills, which of them serve one skill best?

    skills      what items are of: families of puzzles in one token format, split by orbit
    pool        items with their labels, of which some are spoiled and some are other items in another guise
    lora        adapters of low rank (peft)
    tuning      training on chosen items, epoch by epoch; checkpoints keep what AdamW knows
    reading     items as tensors that torch.func can map over; masks that all items share
    gradients   the gradient of each item by itself
    projection  random signs that keep inner products, up to a known error
    influence   what AdamW would make of a gradient; items scored against a target
    neighbours  the same without gradients: surfaces, hidden states

To add a skill: an entry in skills.SKILLS.
"""
