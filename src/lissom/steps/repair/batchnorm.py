"""BatchNorm statistics re-estimated after a change of what comes in."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Batch, Workload, calibration_batches


@dataclass(frozen=True)
class ReestimateBatchNorm(ModelStep):
    """Replace running means and variances by those of ``examples`` training inputs.

    The average over batches is cumulative (``momentum=None``), so the old statistics leave no trace
    (Li, Wu, Su and Wang, 2020, "EagleEye", section 3.2). Every batch counts as much as any other, so all have one
    size, ``batch`` or a little less, and never one example, from which BatchNorm learns nothing; what is left over
    is not used.
    """

    examples: int = 1024
    batch: int = 128

    name = "batchnorm"

    def describe(self) -> str:
        return "re-estimate BatchNorm"

    def apply(self, workload: Workload, context: Context) -> Workload:
        model = copy.deepcopy(workload.module)
        norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        if not norms:
            return workload
        momenta = [norm.momentum for norm in norms]
        model.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        with torch.no_grad():
            for batch in context.progress.track(self._batches(workload, context), "re-estimating BatchNorm"):
                model(*batch.inputs)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        return workload.with_module(model.eval())

    def _batches(self, workload: Workload, context: Context) -> list[Batch]:
        examples = min(self.examples, len(workload.splits.train))
        count = max(1, min(-(-examples // self.batch), examples // 2))
        size = examples // count
        return calibration_batches(workload.splits.train, examples=count * size, batch=size, seed=context.seed)
