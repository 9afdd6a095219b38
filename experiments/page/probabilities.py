"""What a network said at each call, kept beside what was done: a model that remembers.

>>> recording = Recording(model)
>>> traces = decode(decoder, recording, instances, seed)
>>> recording.said(0)                       # of the first board: a dict {cell: percent of each value} a call
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from csp.errors import BadInput
from csp.problem import Instance
from csp.trace import Trace
from experiments.engine.decoder_catalogue import Row, group_of
from experiments.engine.loaded_models import runner
from generators.boards import Boards
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.interface import Model, Prediction, Session

Said = dict[int, list[int]]


class Recording:
    """A Model that answers as another one does, and keeps its answers in whole percent."""

    def __init__(self, model: Model):
        self.model, self.name = model, model.name
        self.kept: dict[int, list[Said]] = defaultdict(list)

    def open(self, boards: Boards) -> RecordingSession:
        return RecordingSession(self, self.model.open(boards))

    def said(self, row: int) -> list[Said]:
        """About the board in that row, call by call; as many calls as it took."""
        return self.kept[row]


class RecordingSession:
    """The other model's session; what it says of each board is kept."""

    def __init__(self, recording: Recording, session: Session):
        self.recording, self.session = recording, session

    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        prediction = self.session.predict(rows, assignments, commit_order, wanted)
        percent = np.round(100 * np.exp(prediction.log_probs)).astype(int)
        for place, row in enumerate(rows):
            cells = np.flatnonzero(prediction.speaks[place])
            self.recording.kept[int(row)].append({int(cell): percent[place, cell].tolist() for cell in cells})
        return prediction


def said_again(
    identity: Mapping,
    specs: Mapping[str, str],
    traces: Mapping[str, Sequence[Trace]],
    instances: Sequence[Instance],
    folder: Path | None = None,
) -> dict[str, list[list[Said]]]:
    """By row: what its network said of each instance, call by call. Rows without a network are left out.

    identity: of the run (run.json); traces: by row, of those instances; folder: of the networks (default: the shipped).
    Raises BadInput if the networks are not there
    any more, are others than the run's, or decode otherwise than they did.
    """
    rows = [Row(name, group_of(spec), spec, "") for name, text in specs.items() if (spec := _decoder(text)) is not None]
    loaded = runner(rows, instances[0].family, instances, folder, identity.get("precision", "float64"))
    found: dict[str, list[list[Said]]] = {}
    for row in rows:
        kind = row.spec.model
        if kind not in loaded.networks:
            continue
        network = loaded.networks[kind]
        if identity["checkpoints"].get(network.file) != network.sha256:
            raise BadInput(f"{network.path} is not the network that the run was made with (SHA-256 differs)")
        recording = Recording(network.decoding(row.spec))
        again = decode(row.spec, recording, instances, identity["seed"])
        for one, other in zip(again, traces[row.name], strict=True):
            if one.events != other.events:
                raise BadInput(f"{row.name} decodes {one.instance} otherwise than the run did; make the run again")
        found[row.name] = [recording.said(place) for place in range(len(instances))]
    return found


def _decoder(text: str):
    """A row's decoder if it has a network whose calls can be kept."""
    try:
        spec = parse(text)
    except BadInput:  # a solver's name
        return None
    plain = spec.model not in ("uniform", "exact", "ar-written") and spec.signal != "quality" and not spec.loops
    return spec if plain and spec.retraction != "beam" else None
