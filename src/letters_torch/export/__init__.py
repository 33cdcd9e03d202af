"""Exports a trained network for use without this package: ONNX, safetensors, or a file of PyTorch tensors."""
