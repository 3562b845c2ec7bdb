"""One rule per ATen operator, in files by kind of operator."""

from importlib import import_module

KINDS = ("layout", "selecting", "elementwise", "contraction", "normalisation", "sources", "recurrent")


def load_rules() -> None:
    """Fill the table of operators."""
    for kind in KINDS:
        import_module(f"lissom.graph.rules.{kind}")
