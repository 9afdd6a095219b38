"""Of networks' weights: as files for other programs (ONNX), and which of them a run has changed."""
