"""A run from the command line: stopped by Ctrl-C, gone on with, shown, predicted with, measured, applied again."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lissom import api
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.engine import delivery, probing
from lissom.engine.options import Options
from lissom.targets import TARGETS
from lissom.testing.commands import Done

Lissom = Callable[..., Any]
Words = Callable[..., list[str]]


_PATIENCE_S = 300


@pytest.fixture(scope="module")
def stopped(process: Any, compressing: Words, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, bytes]:
    """A run that got Ctrl-C after its first probe: the folder, what was said, what was written."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with process(*compressing(folder)) as running:
        ledger, end = folder / "ledger.jsonl", time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and running.poll() is None:
            if ledger.exists() and b'"kind": "probe"' in ledger.read_bytes():
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=_PATIENCE_S)
    return folder, Done(running.returncode, out, err), ledger.read_bytes()


@pytest.fixture(scope="module")
def finished(stopped: tuple[Path, Done, bytes], compressing: Words) -> tuple[Path, Done]:
    """The same run, gone on with by the same command."""
    import contextlib
    import io
    import sys

    from lissom.cli.main import main

    folder = stopped[0]
    torch.set_num_threads(1)
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "_SECONDS", 0.05)
        patch.setattr(delivery, "neighbours", lambda *given: ([], []))
        patch.setattr(sys, "argv", ["lissom", *compressing(folder)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    return folder, Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.mark.parametrize("more", [(), ("--epochs", "3", "--seed", "4", "--methods", "prune,depth")])
def test_quick_is_the_options_own_idea_of_it(
    lissom: Lissom, compressing: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    asked: list[Options] = []

    def compressed(workload: object, *, output: Path, options: Options, **_: object) -> api.Run:
        asked.append(options)
        return api.Run(output, met=True)

    monkeypatch.setattr(api, "compress", compressed)
    monkeypatch.setattr(api.Run, "__str__", lambda self: "")
    assert lissom(*compressing(tmp_path / "run"), *more).code == 0
    plain = Options(epochs=3, seed=4, methods=("prune", "depth")) if more else Options()
    assert asked == [plain.quick()]


def test_ctrl_c_is_no_traceback(stopped: tuple[Path, Done, bytes]) -> None:
    _, done, _ = stopped
    assert done.code == 2, done
    assert done.err == "stopped\nhint: the same command goes on where it was\n"
    assert done.out == ""


def test_the_same_command_goes_on(stopped: tuple[Path, Done, bytes], finished: tuple[Path, Done]) -> None:
    folder, done = finished
    assert done.code == 0, done.err
    assert (folder / "ledger.jsonl").read_bytes().startswith(stopped[2])
    probes = [record.key for record in Ledger(folder) if record.kind == "probe"]
    assert len(set(probes)) == len(probes)


def test_the_table_goes_to_standard_output(finished: tuple[Path, Done]) -> None:
    folder, done = finished
    for trial in Ledger(folder).all(Trial):
        assert set(trial.move.split()) <= set(done.out.split())
    assert "met" in done.out and "quick" in (done.out + done.err)


def test_the_files_that_a_run_leaves(finished: tuple[Path, Done]) -> None:
    folder = finished[0]
    assert {"ledger.jsonl", "summary.json", "report.html", "bundle"} <= {item.name for item in folder.iterdir()}
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["met"] is True and summary["target"] == "onnxruntime"
    names = {"score", "score_interval", "latency_ms", "latency_interval_ms", "size_bytes", "macs", "parameters",
             "peak_memory_bytes"}  # fmt: skip
    for figures in (summary["original"], summary["final"], *summary["steps"]):
        assert names <= set(figures)
    assert all({"name", "kept", "reason"} <= set(step) for step in summary["steps"])


def test_a_finished_run_is_shown_again(finished: tuple[Path, Done], compressing: Words, lissom: Lissom) -> None:
    folder, first = finished
    before = (folder / "ledger.jsonl").read_bytes()
    done = lissom(*compressing(folder))
    assert (done.code, done.out) == (0, first.out)
    assert (folder / "ledger.jsonl").read_bytes() == before
    found = lissom(*compressing(folder), "--json")
    assert json.loads(found.out)["met"] is True


def test_other_settings_are_refused(finished: tuple[Path, Done], compressing: Words, lissom: Lissom) -> None:
    done = lissom(*compressing(finished[0], budget="parameters<=61%, drop<=30pt"))
    done.is_refusal("a run with other settings")


def test_predict_answers_like_the_bundle(finished: tuple[Path, Done], user: Path, lissom: Lissom) -> None:
    done = lissom("predict", finished[0] / "bundle", user / "une image.png", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["classes"][0]["probability"] > 0.3
    assert lissom("predict", finished[0] / "bundle", user / "model.py").code == 2


def test_predict_passes_on_what_the_bundle_knows(finished: tuple[Path, Done], user: Path, lissom: Lissom) -> None:
    bundle = finished[0] / "bundle"
    assert lissom("predict", bundle, "--verify").code == 0
    assert lissom("predict", bundle, user / "une image.png", "--threads", "2", "--top", "1").code == 0
    assert lissom("predict", bundle, user / "une image.png", "--nothing", "2").code == 2


def test_bench_verifies_and_measures(finished: tuple[Path, Done], lissom: Lissom) -> None:
    bundle = finished[0] / "bundle"
    done = lissom("bench", bundle, "--verify", "--seconds", "0.1", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["problems"] == {str(bundle): []}
    low, high = found["measured"][0]["latency_interval_ms"]
    assert 0 < low <= found["measured"][0]["latency_ms"] <= high
    assert found["measured"][0]["first_answer_ms"] > 0 and found["measured"][0]["peak_memory_bytes"] > 0
    text = lissom("bench", bundle, "--verify", "--seconds", "0.1").out
    assert "hashes and test vectors are as recorded" in text


@pytest.mark.parametrize("name", ["README.md", "model.onnx", "vectors.npz"])
def test_bench_notices_an_altered_bundle(
    finished: tuple[Path, Done], tmp_path: Path, lissom: Lissom, name: str
) -> None:
    shutil.copytree(finished[0] / "bundle", tmp_path / "bundle")
    path = tmp_path / "bundle" / name
    path.write_bytes(path.read_bytes()[:-40])
    done = lissom("bench", tmp_path / "bundle", "--verify", "--seconds", "0.1")
    assert done.code == 2 and "Traceback" not in done.err
    assert f"{name} was altered" in done.out + done.err


def test_the_report_is_written_again(finished: tuple[Path, Done], lissom: Lissom) -> None:
    folder, first = finished
    done = lissom("report", folder)
    assert done.code == 0 and first.out.splitlines()[0] in done.out


def test_the_plan_is_applied_to_a_newer_checkpoint(
    finished: tuple[Path, Done], user: Path, tmp_path: Path, lissom: Lissom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "Options", partial(Options, measure_s=0.05))
    monkeypatch.setattr(delivery, "neighbours", lambda *given: ([], []))
    newer = {name: tensor * 1.01 if tensor.is_floating_point() else tensor
             for name, tensor in load_file(user / "net.safetensors").items()}  # fmt: skip
    save_file(newer, tmp_path / "newer.safetensors")
    done = lissom("apply", finished[0], "--weights", tmp_path / "newer.safetensors", "-o", tmp_path / "again")
    assert done.code == 0, done.err
    ledgers = [Ledger(finished[0]), Ledger(tmp_path / "again")]
    plans = [ledger.find("delivered")["plan"][0]["steps"] for ledger in ledgers]
    assert plans[0] == plans[1]
    assert not [record for record in ledgers[1] if record.kind in ("probe", "rung", "analysis")], "nothing is searched"
    assert lissom("bench", tmp_path / "again" / "bundle", "--verify", "--seconds", "0.1").code == 0
    shapes = [
        {n: t.shape for n, t in load_file(f / "model.safetensors").items()} for f in (finished[0], tmp_path / "again")
    ]
    assert shapes[0] == shapes[1]
    assert any(shapes[0][name] != newer[name].shape for name in newer)


def test_the_plan_of_random_weights_is_applied_to_a_checkpoint(
    finished: tuple[Path, Done], user: Path, tmp_path: Path, lissom: Lissom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "Options", partial(Options, measure_s=0.05))
    monkeypatch.setattr(delivery, "neighbours", lambda *given: ([], []))
    shutil.copytree(finished[0], tmp_path / "random")
    ledger = tmp_path / "random" / "ledger.jsonl"
    text = ledger.read_text(encoding="utf-8")
    assert text.count('"random_weights": false') == 1
    ledger.write_text(text.replace('"random_weights": false', '"random_weights": true'), encoding="utf-8")
    done = lissom("apply", tmp_path / "random", "--weights", user / "net.safetensors", "-o", tmp_path / "again")
    assert done.code == 0, done.err
    assert "agreement" not in done.out.splitlines()[0], "the data have labels, and the weights were learnt"


@pytest.mark.parametrize("what", ["wider", "a layer less", "numbers that are none"])
def test_a_plan_is_not_applied_to_another_architecture(
    what: str, finished: tuple[Path, Done], user: Path, tmp_path: Path, lissom: Lissom
) -> None:
    state = load_file(user / "net.safetensors")
    first = next(name for name, tensor in state.items() if tensor.dim() == 4)
    if what == "wider":
        state[first] = torch.cat([state[first], state[first]])
    elif what == "a layer less":
        del state[first]
    else:
        state[first][0] = float("nan")
    save_file(state, tmp_path / "other.safetensors")
    before = contents(finished[0])
    done = lissom("apply", finished[0], "--weights", tmp_path / "other.safetensors", "-o", tmp_path / "again")
    done.is_refusal(first)
    assert contents(finished[0]) == before and not (tmp_path / "again").exists()


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_checks_and_writes_nothing(compressing: Words, tmp_path: Path, lissom: Lissom) -> None:
    done = lissom(*compressing(tmp_path / "run"), "--dry-run")
    assert done.code == 0, done.err
    assert "original score" in done.out and "nothing was started" in done.out
    told = json.loads(lissom(*compressing(tmp_path / "run"), "--dry-run", "--json").out)
    assert told["started"] is False and told["targets"] == ["onnxruntime"] and told["examples"]["select"] > 0
    assert f"{told['original']['score']:.2f} on select" in done.out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("names", [("onnxruntime", "executorch", "inductor"), pytest.param((), marks=pytest.mark.slow)])
def test_every_target_that_is_installed_works(names: tuple[str, ...], lissom: Lissom) -> None:
    found = json.loads(lissom("targets", *names, "--json").out)["targets"]
    installed = {name for name in names or TARGETS if TARGETS.get(name)().missing() is None}
    assert {item["name"]: item["why"] for item in found if item["name"] in installed and not item["works"]} == {}
    assert all(item["why"] and item["hint"] for item in found if item["name"] not in installed)
    assert {item["name"] for item in found} == set(names or TARGETS)
