"""Ask a served model (any OpenAI-compatible endpoint) to fill puzzles, keep what it says, score it."""
