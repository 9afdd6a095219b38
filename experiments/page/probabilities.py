"""What a network said at each call, kept beside what was done: a model that remembers.

>>> recording = Recording(model)
>>> traces = decode(decoder, recording, instances, seed)
>>> recording.said(0)                       # of the first board: a dict {cell: percent of each value} a call
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from generators.boards import Boards
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
