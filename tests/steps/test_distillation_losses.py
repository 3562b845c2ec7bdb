"""Every loss against its formula written out in another way, and what it must not react to."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lissom.steps.distillation.losses import LOSSES
from lissom.steps.distillation.losses.attention_transfer import attention_transfer
from lissom.steps.distillation.losses.crd import Contrast
from lissom.steps.distillation.losses.dist import dist
from lissom.steps.distillation.losses.distilbert import cosine, distilbert
from lissom.steps.distillation.losses.dkd import dkd
from lissom.steps.distillation.losses.hinton import hinton
from lissom.steps.distillation.losses.hints import hints
from lissom.steps.distillation.losses.minilm import minilm, relation
from lissom.steps.distillation.losses.rkd import rkd
from lissom.steps.distillation.losses.similarity import similarity
from lissom.steps.distillation.losses.standardised import standardised
from lissom.steps.distillation.losses.tinybert import attention_scores, tinybert_attention, tinybert_hidden

GENERATOR = torch.Generator().manual_seed(0)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def softmax(row: np.ndarray) -> np.ndarray:
    found = np.exp(row - row.max())
    return found / found.sum()


def divergence(theirs: np.ndarray, ours: np.ndarray) -> float:
    return float(sum(p * np.log(p / q) for p, q in zip(theirs, ours, strict=True)))


STUDENT, TEACHER = draw(5, 4), draw(5, 4)
TARGETS = torch.tensor([0, 3, 1, 1, 2])


def test_hinton_is_the_divergence_of_softened_answers() -> None:
    pairs = zip(STUDENT.numpy(), TEACHER.numpy(), strict=True)
    expected = np.mean([divergence(softmax(t / 3), softmax(s / 3)) for s, t in pairs]) * 9
    assert float(hinton(STUDENT, TEACHER, temperature=3)) == pytest.approx(expected)
    assert float(hinton(STUDENT, STUDENT)) == pytest.approx(0)


def test_standardised_reacts_to_relations_alone() -> None:
    rows = (
        [(row - row.mean()) / row.std() for row in STUDENT.numpy()],
        [(r - r.mean()) / r.std() for r in TEACHER.numpy()],
    )
    expected = np.mean([divergence(softmax(t / 2), softmax(s / 2)) for s, t in zip(*rows, strict=True)]) * 4
    assert float(standardised(STUDENT, TEACHER)) == pytest.approx(expected, rel=1e-5)
    assert float(standardised(STUDENT, STUDENT * 3 + 7)) == pytest.approx(0, abs=1e-6)


def test_dkd_weighs_the_true_class_and_the_others() -> None:
    target, others = 0.0, 0.0
    for s, t, true in zip(STUDENT.numpy(), TEACHER.numpy(), TARGETS.tolist(), strict=True):
        ours, theirs = softmax(s / 4), softmax(t / 4)
        target += divergence(np.array([theirs[true], 1 - theirs[true]]), np.array([ours[true], 1 - ours[true]]))
        rest = [number for number in range(4) if number != true]
        others += divergence(softmax(t[rest] / 4), softmax(s[rest] / 4))
    assert float(dkd(STUDENT, TEACHER, TARGETS, alpha=2, beta=3)) == pytest.approx((2 * target + 3 * others) / 5 * 16)


def test_dkd_with_equal_weights_by_example_is_plain_distillation() -> None:
    total = 0.0
    for row in range(5):
        sure = float(softmax(TEACHER[row].numpy() / 4)[TARGETS[row]])
        one = slice(row, row + 1)
        total += float(dkd(STUDENT[one], TEACHER[one], TARGETS[one], alpha=1, beta=1 - sure))
    assert total / 5 == pytest.approx(float(hinton(STUDENT, TEACHER, temperature=4)))


def test_dist_is_one_minus_correlations() -> None:
    ours, theirs = (np.stack([softmax(row) for row in scores.numpy()]) for scores in (STUDENT, TEACHER))
    between = 1 - np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs, strict=True)])
    within = 1 - np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)])
    assert float(dist(STUDENT, TEACHER, beta=2, gamma=3)) == pytest.approx(2 * between + 3 * within)


def test_hints_leave_padding_out() -> None:
    ours, theirs = draw(2, 3, 6), draw(2, 3, 6)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    kept = [(0, 0), (0, 1), (1, 0)]
    expected = np.mean([((ours[b, t] - theirs[b, t]) ** 2).mean() for b, t in kept])
    assert float(hints(ours, theirs, mask)) == pytest.approx(expected)
    assert float(tinybert_hidden(ours, theirs)) == pytest.approx(float(((ours - theirs) ** 2).mean()))


def test_attention_transfer_compares_where_and_not_how_strongly() -> None:
    ours, theirs = draw(2, 3, 4, 4), draw(2, 5, 4, 4)
    maps = [(f.numpy() ** 2).mean(1).reshape(2, -1) for f in (ours, theirs)]
    maps = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in maps]
    assert float(attention_transfer(ours, theirs)) == pytest.approx(((maps[0] - maps[1]) ** 2).mean())
    assert float(attention_transfer(ours, 5 * ours)) == pytest.approx(0, abs=1e-12)


def test_attention_transfer_leaves_padding_out() -> None:
    ours, theirs = draw(2, 3, 6), draw(2, 3, 5)
    mask = torch.tensor([[True, True, False], [True, True, False]])
    kept = attention_transfer(ours[:, :2], theirs[:, :2])
    assert float(attention_transfer(ours, theirs, mask)) == pytest.approx(float(kept))


def test_rkd_compares_distances_and_angles() -> None:
    ours, theirs = draw(4, 3), draw(4, 6)

    def relations(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
        angles = np.zeros((4, 4, 4))
        for i in range(4):
            for j in range(4):
                for k in range(4):
                    if i not in (j, k):
                        one, two = points[j] - points[i], points[k] - points[i]
                        angles[i, j, k] = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
        return apart / apart[apart > 0].mean(), angles

    def huber(one: np.ndarray, two: np.ndarray) -> float:
        far = np.abs(one - two)
        return float(np.where(far < 1, far**2 / 2, far - 0.5).mean())

    (d1, a1), (d2, a2) = relations(ours.numpy()), relations(theirs.numpy())
    assert float(rkd(ours, theirs)) == pytest.approx(huber(d1, d2) + 2 * huber(a1, a2), rel=1e-5)
    turned = torch.linalg.qr(draw(3, 3))[0]
    assert float(rkd(ours, 3 * ours @ turned + 1)) == pytest.approx(0, abs=1e-9)


def test_similarity_compares_products_of_examples() -> None:
    ours, theirs = draw(4, 3, 2, 2), draw(4, 7)
    products = [f.reshape(4, -1).numpy() @ f.reshape(4, -1).numpy().T for f in (ours, theirs)]
    rows = [p / np.linalg.norm(p, axis=1, keepdims=True) for p in products]
    assert float(similarity(ours, theirs)) == pytest.approx(((rows[0] - rows[1]) ** 2).mean())


def test_contrast_is_infonce_and_an_example_is_no_negative_of_itself() -> None:
    loss = Contrast(3, 5, size=4, queue=6).double()
    ours, theirs, numbers = draw(3, 3), draw(3, 5), torch.tensor([4, 9, 4])

    def unit(rows: Tensor) -> np.ndarray:
        return (rows / rows.norm(dim=1, keepdim=True)).detach().numpy()

    similar = np.exp(unit(loss.ours(ours)) @ unit(loss.theirs(theirs)).T / 0.07)
    similar[0, 2] = similar[2, 0] = 0
    expected = np.mean([-np.log(similar[row, row] / similar[row].sum()) for row in range(3)])
    assert float(loss(ours, theirs, numbers).detach()) == pytest.approx(expected)
    assert (loss.numbers >= 0).sum() == 3
    second = float(loss(ours, theirs, torch.tensor([4, 9, 5])).detach())
    assert second != pytest.approx(expected), "earlier examples are negatives too"


def test_tinybert_attention_leaves_padding_out() -> None:
    ours, theirs = draw(1, 2, 3, 3), draw(1, 2, 3, 3)
    mask = torch.tensor([[True, True, False]])
    assert float(tinybert_attention(ours, theirs, mask)) == pytest.approx(
        float(((ours - theirs)[:, :, :2, :2] ** 2).mean())
    )


def test_scores_are_those_of_scaled_products_by_head() -> None:
    queries, keys = draw(1, 3, 4), draw(1, 3, 4)
    scores = attention_scores(queries, keys, 2)
    for head in range(2):
        part = slice(2 * head, 2 * head + 2)
        torch.testing.assert_close(scores[0, head], queries[0, :, part] @ keys[0, :, part].T / 2**0.5)


def test_minilm_is_two_relations_over_real_tokens() -> None:
    ours, theirs = (draw(2, 3, 4), draw(2, 3, 4), draw(2, 3, 4)), (draw(2, 3, 8), draw(2, 3, 8), draw(2, 3, 8))
    mask = torch.tensor([[True, True, True], [True, True, False]])

    def by_hand(one: int, two: int) -> float:
        far = []
        for text, tokens in ((0, 3), (1, 2)):
            for token in range(tokens):
                heads = []
                for head in range(2):
                    rows = []
                    for models in (theirs, ours):
                        size = models[0].shape[-1] // 2
                        part = slice(head * size, head * size + size)
                        scores = models[one][text, token, part] @ models[two][text, :tokens, part].T / size**0.5
                        rows.append(softmax(scores.numpy()))
                    heads.append(divergence(*rows))
                far.append(np.mean(heads))
        return float(np.mean(far))

    assert float(relation(ours[:2], theirs[:2], 2, mask)) == pytest.approx(by_hand(0, 1))
    assert float(minilm(ours, theirs, 2, mask)) == pytest.approx(by_hand(0, 1) + by_hand(2, 2))


def test_distilbert_is_the_sum_of_three() -> None:
    hidden, mask = (draw(5, 3, 6), draw(5, 3, 6)), torch.ones(5, 3, dtype=torch.bool)
    own = torch.tensor(0.7, dtype=torch.float64)
    turned = 1 - torch.nn.functional.cosine_similarity(*hidden, dim=-1).mean()
    expected = 5 * hinton(STUDENT, TEACHER, temperature=2) + 2 * own + turned
    torch.testing.assert_close(distilbert((STUDENT, TEACHER), hidden, own, mask), expected)
    assert float(cosine(hidden[0], 4 * hidden[0])) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", list(LOSSES))
def test_each_has_a_source_and_a_card(name: str) -> None:
    from importlib import resources

    function = LOSSES.get(name)
    assert any(f"{year}" in (function.__doc__ or "") for year in range(2015, 2026)) or name == "minilm_values"
    module = function.__module__.rpartition(".")[2]
    card = resources.files("lissom.steps.distillation.losses").joinpath(f"{module}.md").read_text(encoding="utf-8")
    for word in ("Use", "Settings", "Observed", "Limits", "Source"):
        assert f"**{word}**" in card
