"""From traces to figures: the scorer, aggregates, statistics, transcripts."""
