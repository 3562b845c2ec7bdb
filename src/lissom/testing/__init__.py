"""Contract tests for whoever writes a step or a target, with a tiny model and data for each. Needs pytest."""

from lissom.testing.steps import StepContract
from lissom.testing.table import STEP_CASES, StepCase
from lissom.testing.targets import TargetContract
from lissom.testing.tiny import Drawn, TinyNet, fresh_net, tiny_context, tiny_workload, trained_net

__all__ = [
    "STEP_CASES",
    "Drawn",
    "StepCase",
    "StepContract",
    "TargetContract",
    "TinyNet",
    "fresh_net",
    "tiny_context",
    "tiny_workload",
    "trained_net",
]
