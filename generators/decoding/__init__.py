"""How a model fills boards and takes values back. A Decoder (spec.py) names the parts, a loop runs them.

    orders        which blank cell next
    vetoes        which values are ruled out first, and by what sign a board is seen to be lost
    retractions   what is taken back then; search_tree: retractions that go on with the next value; remdm: by schedule
    signals       which cells a retraction holds to blame; nogoods: what memory bars
    loop          the loop over boards; beam, written_undo: two that stand beside it, and why
    state         the books of all loops: assignments, costs, random numbers, the log that becomes traces

To add an order, a veto, a retraction or a signal: a case or function in its file (each says where), a word in
DECODER_WORDS of spec.py with one line on what it does, and what it does not go with in _faults there. The conformance
tests (tests/conformance/test_decoders.py) then run it without further code.
"""
