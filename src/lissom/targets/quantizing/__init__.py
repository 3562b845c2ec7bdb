"""Static INT8 of ONNX graphs: which ranges, which rounding, which layers stay in float. Used by two targets."""
