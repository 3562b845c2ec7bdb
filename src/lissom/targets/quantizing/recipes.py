"""The ways to quantize an ONNX graph, the plainest first."""

from lissom.targets.target import Recipe

METHODS = ("minmax", "percentile", "mse")
RECIPES = tuple(Recipe(method, corrected) for corrected in (False, True) for method in METHODS)
