"""Transcripts and histories of other people's decoders: what they say becomes traces, and what they do not is named.

reader.py reads a text, records.py the files that texts come in, histories.py the states of samplers.
"""

from experiments.scoring.transcripts.reader import Transcript, read
from experiments.scoring.transcripts.records import sections
from experiments.scoring.transcripts.statements import Unread

__all__ = ["Transcript", "Unread", "read", "sections"]
