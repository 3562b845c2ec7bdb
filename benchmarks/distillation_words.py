"""A linear model of weighted word counts: what an easy set of texts would show itself by."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lissom.workload.workload import Workload

DECAYS = (1e-5, 1e-4, 1e-3)
Bags = tuple[Tensor, Tensor, Tensor]


def bag_of_words(workload: Workload) -> dict[str, float]:
    """Percent right on select and test, with the weight decay that is best on select.

    Words are the tokens of the workload's encoder, cut where its texts are cut; a count counts by its logarithm
    times the rarity of the word, and texts have norm 1.
    """
    parts: dict[str, Any] = {part: getattr(workload.splits, part) for part in ("train", "select", "test")}
    vocabulary = 1 + max(int(item.max()) for part in parts.values() for item in part.tokens)
    counted = {part: [_counts(item) for item in split.tokens] for part, split in parts.items()}
    holding = torch.bincount(torch.cat([words for words, _ in counted["train"]]), minlength=vocabulary)
    rarity = torch.log(len(counted["train"]) / (1 + holding)).clamp(min=0) * (holding > 0)
    bags = {part: _bags(found, rarity) for part, found in counted.items()}
    tried = [_linear(bags, {part: split.labels for part, split in parts.items()}, decay) for decay in DECAYS]
    return max(tried, key=lambda scores: scores["select"])


def _counts(tokens: Any) -> tuple[Tensor, Tensor]:
    words, counts = torch.from_numpy(tokens).unique(return_counts=True)
    return words, torch.log1p(counts.float())


def _bags(counted: list[tuple[Tensor, Tensor]], rarity: Tensor) -> Bags:
    """Words of all texts behind each other, where each text starts, and the weights of its words."""
    starts = torch.tensor([0, *(len(words) for words, _ in counted)]).cumsum(0)[:-1]
    weights = [functional.normalize(counts * rarity[words], dim=0) for words, counts in counted]
    return torch.cat([words for words, _ in counted]), starts, torch.cat(weights)


def _linear(bags: dict[str, Bags], labels: dict[str, Tensor], decay: float) -> dict[str, float]:
    classes, vocabulary = int(labels["train"].max()) + 1, 1 + max(int(words.max()) for words, _, _ in bags.values())
    weight, bias = (nn.Parameter(torch.zeros(*shape)) for shape in ((vocabulary, classes), (classes,)))
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def scores(part: str) -> Tensor:
        words, starts, weights = bags[part]
        return functional.embedding_bag(words, weight, starts, mode="sum", per_sample_weights=weights) + bias

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(scores("train"), labels["train"]) + decay * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        right = {part: scores(part).argmax(1) == labels[part] for part in ("select", "test")}
    return {part: 100 * float(found.float().mean()) for part, found in right.items()}
