"""A bundle of speech recognition runs without torch, transformers and lissom, and says what transformers says."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("transformers")

from lissom.cli.predict import predict
from lissom.engine.asking import asked_for
from lissom.engine.benching import check_bundles
from lissom.export.bundle import Contents, write_bundle
from lissom.export.pair_files import decoder_of
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.sequence_runner import ModuleRunner
from lissom.targets import TARGETS
from lissom.tasks.forcing import forced
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.rules import rules_of
from lissom.testing.bundles import predict_alone
from lissom.testing.tiny_recognition import END, exported_whisper, tones, write_tokenizer

FEATURES = LogMel(bands=8, seconds=2.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("recognition")
    module, pair = exported_whisper()
    write_tokenizer(folder)
    rules, target = rules_of(module), TARGETS.get("onnxruntime")()
    handling = {"features": FEATURES.to_json(), "rules": rules.to_json(), "beams": 1}
    heard = np.stack([FEATURES(tones(seed, 1.5)) for seed in range(3)])
    inputs = (heard, forced([[5], [6, 7], []], rules)[0])
    runners = target.load(pair, threads=1), ModuleRunner(SequenceModel(module, END))
    outputs, original = (asked_for(runner, "recognition", handling).run(inputs)[0] for runner in runners)
    contents = Contents(
        files=target.artefact(pair).files,
        runner=target.runner_of(pair),
        task="recognition",
        handling=handling,
        classes=(),
        inputs=inputs,
        outputs=outputs,
        original=original,
        card="# tiny\n",
        facts={"target": "onnxruntime", "precision": "fp32"},
        attached={"tokenizer.json": (folder / "tokenizer.json").read_bytes()},
    )
    write_bundle(folder / "bundle", contents)
    return module, folder / "bundle"


def theirs(module: Any, samples: np.ndarray) -> list[int]:
    samples = np.rint(samples * 32767).astype(np.float32) / 32767
    with torch.no_grad():
        found = module.generate(torch.from_numpy(FEATURES(samples)[None]), num_beams=1, do_sample=False)[0].tolist()
    return found[: found.index(END)] if END in found else found


def test_it_says_what_transformers_says_and_what_is_silent(made: tuple[Any, Path], tmp_path: Path) -> None:
    module, bundle = made
    heard = tones(7, 1.5)
    long = np.concatenate([tones(8, 1.8), np.zeros(3200, np.float32), tones(9, 1.5)])
    soundfile.write(tmp_path / "a.wav", heard, 16000)
    soundfile.write(tmp_path / "long.flac", np.stack([long, long], axis=1), 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    (tmp_path / "no.wav").write_text("no sound")
    files = [str(tmp_path / name) for name in ("a.wav", "long.flac", "silent.wav", "no.wav")]
    done = predict_alone(bundle, "--verify", "--json", *files)
    assert done.returncode == 2 and "no.wav: it is not sound" in done.stderr and "Traceback" not in done.stderr
    verified, *lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (verified["ok"], verified["agree"], verified["vectors"], verified["parity"]) == (True, 3, 3, 1.0)
    words = [int(word.strip("abcdefghijklmnopqrstuvwxyz")) for word in lines[0]["text"].split()]
    assert words == theirs(module, heard) and len(words) > 2
    assert [Path(line["file"]).stem for line in lines] == ["a", "long", "long", "silent", "no"]
    assert 1.5 < lines[2]["at_s"] < 2.0
    assert lines[3]["text"] == "" and lines[3]["remarks"] == ["silence"]
    assert lines[4]["error"].startswith("it is not sound")


def test_a_window_whose_answer_is_cut_off_is_told(made: tuple[Any, Path], tmp_path: Path) -> None:
    shutil.copytree(made[1], tmp_path / "ending")
    sound = tones(7, 1.5)
    soundfile.write(tmp_path / "a.wav", sound, 16000)
    handling = json.loads((made[1] / "handling.json").read_text(encoding="utf-8"))
    handling["rules"]["end"] = theirs(made[0], sound)[2]
    (tmp_path / "ending" / "handling.json").write_text(json.dumps(handling), encoding="utf-8")
    whole, ending = (json.loads(predict_alone(folder, "--json", str(tmp_path / "a.wav")).stdout)
                     for folder in (made[1], tmp_path / "ending"))  # fmt: skip
    assert whole["remarks"] == ["it was cut off"] and len(whole["text"].split()) == 22
    assert ending["remarks"] == [] and len(ending["text"].split()) <= 2


def test_lissom_predict_asks_it_for_no_classes(
    made: tuple[Any, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", tones(7, 1.5), 16000)
    predict(made[1], [str(tmp_path / "a.wav")], top=None, json_output=True)
    assert json.loads(capfd.readouterr().out)["text"]


def test_a_changed_file_or_answer_is_noticed(made: tuple[Any, Path], tmp_path: Path) -> None:
    _, bundle = made
    problems, parity = check_bundles([bundle])
    assert problems == {str(bundle): []} and parity[str(bundle)].agreement == 1.0
    shutil.copytree(bundle, tmp_path / "changed")
    file = decoder_of(tmp_path / "changed" / "model.onnx")
    with file.open("ab") as stream:
        stream.write(b"x")
    problems, _ = check_bundles([tmp_path / "changed"])
    assert problems[str(tmp_path / "changed")] == [f"{file.name} was altered"]


def test_a_model_that_spells_follows_no_beams(made: tuple[Any, Path], tmp_path: Path) -> None:
    shutil.copytree(made[1], tmp_path / "spells")
    handling = json.loads((made[1] / "handling.json").read_text(encoding="utf-8"))
    del handling["rules"]
    spelt = {**handling, "ctc": {"blank": 0, "longest": 8, "steps": []}}
    (tmp_path / "spells" / "handling.json").write_text(json.dumps(spelt), encoding="utf-8")
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16000)  # of which no model is asked
    done = predict_alone(tmp_path / "spells", "--beams", "4", "--json", tmp_path / "a.wav")
    assert done.returncode == 2 and "--beams 4: this model spells" in done.stderr and "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"].endswith("leave --beams out")
    assert predict_alone(tmp_path / "spells", "--beams", "1", tmp_path / "a.wav").returncode == 0
