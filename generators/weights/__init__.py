"""Networks in forms for elsewhere: onnx_export writes a network as an ONNX file."""
