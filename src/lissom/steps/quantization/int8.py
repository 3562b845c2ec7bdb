"""Static INT8 by the target's own quantizer, calibrated on training inputs."""

from dataclasses import dataclass

from lissom.steps.step import ArtefactStep, Context
from lissom.targets.target import Artefact, Source
from lissom.workload.workload import Workload, calibration_batches


@dataclass(frozen=True)
class QuantizeInt8(ArtefactStep):
    """Weights per channel and activations per tensor in 8 bits.

    ``examples`` inputs, without augmentation, tell the ranges of the activations.
    """

    examples: int = 512
    batch: int = 64

    name = "int8"

    def describe(self) -> str:
        return "quantize int8"

    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        inputs = [[tensor.numpy() for tensor in batch.inputs] for batch in batches]
        path = context.target.place(context.folder, f"{artefact.path.stem}-int8")
        with context.progress.waiting("quantizing to INT8"):
            return context.target.quantize(Source(workload.module, workload.example, artefact), inputs, path)
