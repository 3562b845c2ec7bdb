"""One table that gives every step something tiny to be tried on. A new step is one line here."""

from collections.abc import Callable
from dataclasses import dataclass

from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.factorization.embedding import FactoriseEmbedding
from lissom.steps.factorization.low_rank import LowRank
from lissom.steps.factorization.separable import SeparableConvolution
from lissom.steps.nothing import Nothing
from lissom.steps.pruning.eliminate import Eliminate
from lissom.steps.pruning.prune import Prune, without
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.fp16 import HalfPrecision
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.mixed import MixedInt8
from lissom.steps.repair.batchnorm import ReestimateBatchNorm
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.shortlist.lexical import LexicalShortlist
from lissom.steps.sparsity.sparsify import Sparsify
from lissom.steps.step import Step
from lissom.testing.tiny import residual_workload, tiny_workload
from lissom.workload.workload import Workload

REMOVED = {0: tuple(range(6)), 1: tuple(range(0, 32, 3))}


@dataclass(frozen=True)
class StepCase:
    """A step, what makes the workload that it is tried on, the target of its artefacts, and what makes the original."""

    step: Step
    workload: Callable[[], Workload]
    target: str = "onnxruntime"
    original: Callable[[], Workload] = tiny_workload


def cut_workload() -> Workload:
    """The tiny workload after a cut of its first two layers."""
    return without(tiny_workload(), REMOVED)


def text_workload() -> Workload:
    """The tiny BERT on sentences."""
    from lissom.testing.tiny_texts import tiny_text_workload  # needs an extra of its own

    return tiny_text_workload()


def recognition_workload() -> Workload:
    """The tiny Whisper on tones."""
    from lissom.testing.tiny_recognition import tiny_recognition_workload  # needs an extra of its own

    return tiny_recognition_workload()


def translation_workload() -> Workload:
    """The tiny Marian on sentences."""
    from lissom.testing.tiny_translation import tiny_translator  # needs an extra of its own

    return tiny_translator()


STEP_CASES = {
    "nothing": StepCase(Nothing(), tiny_workload),
    "prune": StepCase(Prune(((0, "features.0", (0, 3)), (1, "features.3", (1, 2, 5)))), tiny_workload),
    "eliminate": StepCase(
        Eliminate(((0, "features.0", 10), (1, "features.3", 21)), examples=96, batch=48), tiny_workload
    ),
    "drop_layers": StepCase(DropLayers(("blocks.1",)), residual_workload),
    "low_rank": StepCase(
        LowRank((("features.3", "channels", (9,)), ("classifier", "linear", (2,))), examples=96, batch=48),
        tiny_workload,
    ),
    "factorise_embedding": StepCase(FactoriseEmbedding(8, examples=96), text_workload),
    "separable": StepCase(SeparableConvolution((("features.6", 1),), examples=96, batch=48), tiny_workload),
    "sparsify": StepCase(Sparsify(0.6, examples=96, batch=48), cut_workload),
    "reconstruct": StepCase(Reconstruct(examples=96, batch=48), cut_workload),
    "batchnorm": StepCase(ReestimateBatchNorm(examples=96, batch=48), tiny_workload),
    "distill": StepCase(Distill(epochs=2, batch=64, views=1), cut_workload),
    "distill_sequences": StepCase(
        DistillSequences(epochs=1, words=0.5), recognition_workload, original=recognition_workload
    ),
    "distill_int8": StepCase(DistillInt8(epochs=1, batch=64, examples=64), cut_workload),
    "fp16": StepCase(HalfPrecision(), tiny_workload, target="openvino"),
    "int8": StepCase(QuantizeInt8(examples=64, batch=32), tiny_workload),
    "int8_mixed": StepCase(MixedInt8(examples=64, batch=32, share=0.999999), tiny_workload),
    "shortlist": StepCase(LexicalShortlist(first=4, best=3), translation_workload),
}
