"""What does not run as meant is in the notes of a run."""

from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.engine.fallbacks import note_fallbacks
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import Artefact

KINDS = {f"Kind{number}": number for number in range(1, 9)}


@pytest.mark.parametrize(
    ("precision", "found", "told"),
    [
        ("fp32", {}, None),
        ("fp32", {"Einsum": 2}, "ONNX Runtime runs outside the fast kernels: 2 Einsum"),
        ("int8", KINDS, "8 Kind8, 7 Kind7, 6 Kind6, 5 Kind5, 4 Kind4, 3 Kind3 and 2 more kinds"),
        ("int8", None, "does not tell what falls back: no such kernel"),
    ],
)
def test_fallbacks_are_noted_by_how_often_they_are(
    precision: str, found: dict[str, int] | None, told: str | None, tmp_path: Path
) -> None:
    class Telling(OnnxRuntime):
        def fallbacks(self, artefact: Artefact) -> dict[str, int]:
            if found is None:
                raise RuntimeError("no such kernel")
            return found

    ledger = Ledger(tmp_path)
    note_fallbacks(Telling(), Artefact(tmp_path / "model.onnx", precision), ledger)
    note = ledger.find("note", "fallbacks")
    assert note is None if told is None else note is not None and told in note
