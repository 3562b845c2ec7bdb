"""What holds for all tests: one thread, so that results repeat, and no time limit on an example."""

import hypothesis
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("lissom", deadline=None)
hypothesis.settings.load_profile("lissom")
