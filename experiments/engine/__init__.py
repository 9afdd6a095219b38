"""The machinery that commands share: rows, loaded models, one way to run, one store."""
