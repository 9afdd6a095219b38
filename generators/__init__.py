"""Everything that learned, and the loops that turn it into traces.

    boards        instances stacked into arrays
    models/       networks and other sources of log-probabilities: where a new one goes, see there
    training/     how a network is trained, on what, and how a stopped run goes on
    checkpoint    networks on disk, with their cards; KINDS names every kind
    decoding/     orders, vetoes, retractions and signals, and the loops that run them: puzzles are solved
    control/      guides, and the loops that run them: boards are steered towards targets

Imports go down this list only: models know no decoding, decoding no control (setup.cfg, import-linter).
"""
