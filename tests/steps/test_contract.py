"""Every step keeps to the contract; no step of the table is left out."""

from lissom.steps.step import STEPS
from lissom.testing import STEP_CASES, StepContract


class TestNothing(StepContract):
    case = STEP_CASES["nothing"]


class TestPrune(StepContract):
    case = STEP_CASES["prune"]


class TestEliminate(StepContract):
    case = STEP_CASES["eliminate"]


class TestDropLayers(StepContract):
    case = STEP_CASES["drop_layers"]


class TestLowRank(StepContract):
    case = STEP_CASES["low_rank"]


class TestFactoriseEmbedding(StepContract):
    case = STEP_CASES["factorise_embedding"]


class TestSeparable(StepContract):
    case = STEP_CASES["separable"]


class TestSparsify(StepContract):
    case = STEP_CASES["sparsify"]


class TestReconstruct(StepContract):
    case = STEP_CASES["reconstruct"]


class TestBatchNorm(StepContract):
    case = STEP_CASES["batchnorm"]


class TestDistill(StepContract):
    case = STEP_CASES["distill"]


class TestDistillSequences(StepContract):
    case = STEP_CASES["distill_sequences"]


class TestDistillInt8(StepContract):
    case = STEP_CASES["distill_int8"]


class TestFp16(StepContract):
    case = STEP_CASES["fp16"]


class TestInt8(StepContract):
    case = STEP_CASES["int8"]


class TestMixedInt8(StepContract):
    case = STEP_CASES["int8_mixed"]


class TestShortlist(StepContract):
    case = STEP_CASES["shortlist"]


def test_every_step_is_tried() -> None:
    tried = {cls.case.step.name for cls in StepContract.__subclasses__()}
    assert tried >= set(STEPS) == set(STEP_CASES)
