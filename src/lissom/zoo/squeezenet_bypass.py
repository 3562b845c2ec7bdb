"""SqueezeNet 1.0 with simple and complex bypass (Iandola et al. 2016, section 6), around torchvision's layers."""

from torch import Tensor, nn
from torchvision.models import squeezenet1_0
from torchvision.models.squeezenet import Fire


class BypassSqueezeNet(nn.Module):
    """A SqueezeNet whose fire modules have shortcuts.

    ``features`` and ``classifier`` are torchvision's, with the same names, so its weights load into the simple
    variant as they are.

    Args:
        num_classes: size of the output.
        complex_bypass: also a 1x1 convolution around the fire modules that change the number of channels
            (2, 4, 6, 8); the others (3, 5, 7, 9) have an identity in both variants.
    """

    def __init__(self, num_classes: int = 1000, *, complex_bypass: bool = False) -> None:
        super().__init__()
        plain = squeezenet1_0(num_classes=num_classes)
        self.features = plain.features
        self.classifier = plain.classifier
        self.bypasses = nn.ModuleDict()
        for name, module in plain.features.named_children():
            if isinstance(module, Fire):
                before = module.inplanes
                after = module.expand1x1.out_channels + module.expand3x3.out_channels
                if before == after:
                    self.bypasses[name] = nn.Identity()
                elif complex_bypass:
                    self.bypasses[name] = nn.Conv2d(before, after, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(batch, 3, height, width)`` to ``(batch, num_classes)``."""
        features = pictures
        for name, module in self.features.named_children():
            out = module(features)
            features = out + self.bypasses[name](features) if name in self.bypasses else out
        return self.classifier(features).flatten(1)


def squeezenet1_0_simple_bypass(num_classes: int = 1000) -> BypassSqueezeNet:
    """1,248,424 parameters, as many as without."""
    return BypassSqueezeNet(num_classes)


def squeezenet1_0_complex_bypass(num_classes: int = 1000) -> BypassSqueezeNet:
    """1,589,672 parameters: 341,248 more."""
    return BypassSqueezeNet(num_classes, complex_bypass=True)
