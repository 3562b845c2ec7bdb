"""A run never goes on with other weights or other data than it began with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.engine.identity import check_same
from lissom.testing import fresh_net, tiny_workload
from lissom.testing.tiny import Drawn
from lissom.workload.workload import Workload


def begun(folder: Path) -> Ledger:
    """The ledger of a run that began with the fresh network."""
    ledger = Ledger(folder)
    check_same(tiny_workload(fresh_net()), ledger)
    return ledger


def test_the_same_again_is_let_through_and_written_once(tmp_path: Path) -> None:
    begun(tmp_path)
    before = (tmp_path / "ledger.jsonl").read_bytes()
    check_same(tiny_workload(fresh_net()), Ledger(tmp_path))
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert set(Ledger(tmp_path).find("identity")) == {"weights", "train split", "select split", "test split"}


def test_weights_of_any_precision_are_told_apart(tmp_path: Path) -> None:
    half = tiny_workload(fresh_net().bfloat16())
    ledger = Ledger(tmp_path)
    check_same(half, ledger)
    with pytest.raises(LissomError, match="weights"):
        check_same(tiny_workload(fresh_net()), ledger)


def with_another_weight(workload: Workload) -> Workload:
    with torch.no_grad():
        workload.module.get_parameter("features.3.bias")[7] += 1e-6
    return workload


def with_other_statistics(workload: Workload) -> Workload:
    workload.module.get_buffer("features.1.running_mean")[0] += 1
    return workload


def with_weights_exchanged(workload: Workload) -> Workload:
    """Two tensors of one shape under each other's names."""
    state = workload.module.state_dict()
    names = ("features.1.weight", "features.1.running_var")
    state[names[0]], state[names[1]] = state[names[1]].clone() + 1, state[names[0]].clone()
    workload.module.load_state_dict(state)
    return workload


def changed(split: str, change: Callable[[Drawn], Drawn]) -> Callable[[Workload], Workload]:
    def apply(workload: Workload) -> Workload:
        given = getattr(workload.splits, split)
        return replace(workload, splits=replace(workload.splits, **{split: change(given)}))

    return apply


def shorter(split: Drawn) -> Drawn:
    return Drawn(split.pictures[:-1], split.labels[:-1])


def darker(split: Drawn) -> Drawn:
    return Drawn(split.pictures // 2, split.labels)


def relabelled(split: Drawn) -> Drawn:
    return Drawn(split.pictures, (split.labels + 1) % 4)


def without_labels(split: Drawn) -> Drawn:
    return Drawn(split.pictures, split.labels, labelled=False)


def in_another_order(split: Drawn) -> Drawn:
    order = np.random.default_rng(1).permutation(len(split))
    return Drawn(split.pictures[order], split.labels[order])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (with_another_weight, "weights"),
        (with_other_statistics, "weights"),
        (with_weights_exchanged, "weights"),
        (changed("train", shorter), "train split"),
        (changed("select", darker), "select split"),
        (changed("test", relabelled), "test split"),
        (changed("test", without_labels), "test split"),
        (changed("train", in_another_order), "train split"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_whatever_changed_is_named(tmp_path: Path, change: Callable[[Workload], Workload], what: str) -> None:
    begun(tmp_path)
    before = (tmp_path / "ledger.jsonl").read_bytes()
    with pytest.raises(LissomError, match=rf"^the {what} of tiny changed since this run began") as caught:
        check_same(change(tiny_workload(fresh_net())), Ledger(tmp_path))
    assert caught.value.hints
    assert (tmp_path / "ledger.jsonl").read_bytes() == before


def test_several_changes_are_all_named(tmp_path: Path) -> None:
    begun(tmp_path)
    workload = changed("test", darker)(with_another_weight(tiny_workload(fresh_net())))
    with pytest.raises(LissomError, match="the weights and test split of tiny changed"):
        check_same(workload, Ledger(tmp_path))


def test_the_device_and_the_mode_are_no_change(tmp_path: Path) -> None:
    begun(tmp_path)
    module = fresh_net().train().to(memory_format=torch.channels_last)
    check_same(tiny_workload(module), Ledger(tmp_path))


def test_fewer_examples_than_are_sampled_are_enough(tmp_path: Path) -> None:
    few = changed("test", lambda split: Drawn(split.pictures[:3], split.labels[:3]))
    check_same(few(tiny_workload(fresh_net())), Ledger(tmp_path))
    check_same(few(tiny_workload(fresh_net())), Ledger(tmp_path))
    with pytest.raises(LissomError, match="test split"):
        check_same(tiny_workload(fresh_net()), Ledger(tmp_path))
