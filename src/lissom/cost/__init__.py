"""What a model costs: parameters, multiply-adds, peak activation memory, size."""

from lissom.cost.counters import COUNTERS, counter
from lissom.cost.counting import profile, state_dict_bytes
from lissom.cost.records import Layer, Profile, Uncounted
from lissom.cost.text import profile_text

__all__ = [
    "COUNTERS",
    "Layer",
    "Profile",
    "Uncounted",
    "counter",
    "profile",
    "profile_text",
    "state_dict_bytes",
]
