"""Let modules forget what they computed from their weights and keep while they are in evaluation mode.

Attention biases of LeViT are gathered once and kept until the mode changes. What was kept is of other sizes after a
cut, has a history of gradients or none, and what a trace keeps is no real tensor at all.
"""

from torch import nn


def forget(module: nn.Module) -> None:
    """Change the mode of a module to training and back, in place: what it keeps between the two is gone then.

    Args:
        module: each of its modules is in the mode afterwards that it was in.
    """
    modes = {part: part.training for part in module.modules()}
    module.train()
    if not modes[module]:
        module.eval()
    for part, mode in modes.items():
        part.training = mode
