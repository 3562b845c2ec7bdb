"""Two processes learn what one learns from the whole batch, decide alike, and leave nothing on the model."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.train.team import ALONE, Team, assemble

pytest.importorskip("accelerate", reason="learning on several processes needs the extra 'accelerate'")
SCRIPT = Path(__file__).with_name("learning_together.py")


def together() -> Any:
    spec = importlib.util.spec_from_file_location("learning_together", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(command: list[str], count: int) -> list[tuple[int, str]]:
    """Start a command in so many processes, as a launcher would; the exit code of each and what it says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "WORLD_SIZE": str(count),
              "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_WORLD_SIZE": str(count)}  # fmt: skip
    started = [
        subprocess.Popen(
            command,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(count)
    ]
    told = [process.communicate(timeout=300)[0] for process in started]
    return [(process.returncode, text) for process, text in zip(started, told, strict=True)]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("together")
    ends = start([sys.executable, str(SCRIPT), str(folder)], 2)
    assert [code for code, _ in ends] == [0, 0], ends
    return [torch.load(folder / f"process-{rank}.pt", weights_only=True) for rank in range(2)]


def close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], **tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], **tolerance)


def test_two_learn_what_one_does_from_the_whole_batch(learnt: list[dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    script = together()
    assert [found["count"] for found in learnt] == [2, 2]
    close(learnt[0]["labels"], learnt[1]["labels"], rtol=0, atol=0)
    alone = script.state(script.by_labels(ALONE))
    close(learnt[0]["labels"], alone, rtol=2e-3, atol=2e-4)
    before = script.state(script.plain())
    moved = sum(float((alone[name] - before[name]).abs().mean()) for name in before)
    apart = sum(float((alone[name] - learnt[0]["labels"][name]).abs().mean()) for name in before)
    assert apart < 1e-3 * moved, "what is left is rounding"


def test_losses_between_layers_are_learnt_together_with_their_projections(learnt: list[dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    script = together()
    layers, lesson = script.by_layers(ALONE)
    assert sum(name.startswith("1.projections") for name in learnt[0]["layers"]) == 2
    close(learnt[0]["layers"], learnt[1]["layers"], rtol=0, atol=0)
    close(learnt[0]["layers"], script.state(layers, lesson), rtol=5e-3, atol=5e-4)


def test_nothing_is_left_on_the_model(learnt: list[dict[str, Any]]) -> None:
    script = together()
    assert all(found["hooks"] == 0 for found in learnt)
    assert learnt[0]["names"] == [f"module.{name}" for name, _ in script.plain().named_parameters()], "of Tapped alone"


def test_where_one_is_out_of_time_all_stop_at_the_same_step(learnt: list[dict[str, Any]]) -> None:
    close(learnt[0]["hurried"], learnt[1]["hurried"], rtol=0, atol=0)
    assert any(not torch.equal(learnt[0]["hurried"][name], learnt[0]["labels"][name]) for name in learnt[0]["labels"])


def test_a_checkpoint_is_written_once_and_read_by_all(learnt: list[dict[str, Any]]) -> None:
    for found in learnt:
        close(found["again"], found["labels"], rtol=0, atol=0)


def test_a_loss_that_is_no_number_in_one_ends_all(learnt: list[dict[str, Any]]) -> None:
    assert all(found["broken"].startswith("LissomError: the loss became") for found in learnt), learnt


class _Of(Team):
    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


@pytest.mark.parametrize(("examples", "count"), [(15, 2), (16, 4), (3, 5), (1, 2), (7, 1)])
def test_the_shares_of_a_batch_add_up_to_it(examples: int, count: int) -> None:
    group = list(range(100, 100 + examples))
    shares = [_Of(rank, count).share(group) for rank in range(count)]
    mean = sum(weight * sum(mine) / len(mine) for mine, weight in shares) / count
    assert mean == pytest.approx(sum(group) / examples), "the mean of the weighted means is the batch's"
    assert sorted(place for mine, weight in shares if weight for place in mine) == group


def test_a_process_started_alone_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert assemble() is ALONE and ALONE.leads


def test_several_processes_without_accelerate_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(LissomError, match="a start with 2 processes needs the package 'accelerate'"):
        assemble()
