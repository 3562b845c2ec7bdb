"""INT8 of encoders for texts of any length: ranges that follow each input, or fixed ones."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.targets import TARGETS
from lissom.testing import tiny_context
from lissom.testing.tiny_texts import tiny_text_workload

# fixed ranges cost an encoder answers that ranges of the input at hand do not
WAYS = {
    "onnxruntime": [(False, "dynamic INT8", 57), (True, "static INT8", 48)],
    "openvino": [(False, "dynamic INT8", 57), (True, "static INT8", 48)],
}


@pytest.mark.parametrize("name", WAYS)
def test_encoders_keep_their_answers(tmp_path: Path, name: str) -> None:
    torch.set_num_threads(1)
    if name == "openvino":
        pytest.importorskip("openvino", reason="needs the extra 'targets'")
    workload, target = tiny_text_workload(), TARGETS.get(name)()
    context = replace(tiny_context(tmp_path, workload), target=target)
    plain = target.export(workload.module, workload.example, target.place(tmp_path, "model"))
    test = workload.splits.test
    batches = [[tensor.numpy() for tensor in test.take([number]).inputs] for number in range(60)]
    assert len({batch[0].shape for batch in batches}) > 3, "texts of several lengths"

    def answers(path: Path) -> list[int]:
        runner = target.load(path, threads=1)
        return [int(runner.run(batch)[0].argmax()) for batch in batches]

    before = answers(plain.path)
    for static, said, least in WAYS[name]:
        made = QuantizeInt8(examples=64, batch=16, search=False, static=static).apply(plain, workload, context)
        assert any(said in note for note in made.notes), made.notes
        assert static or not target.fallbacks(made), "norms and the like are meant to be in float"
        assert sum(one == other for one, other in zip(before, answers(made.path), strict=True)) >= least
