"""Models that listen become workloads: those that write and those that spell, and what is wrong is said."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.sequence_runner import ModuleRunner
from lissom.tasks import TASKS
from lissom.tasks.generating import spoken
from lissom.tasks.loading import load
from lissom.tasks.recognition.answering import collapsed, heard, places_of
from lissom.tasks.recognition.listeners import steady
from lissom.testing.tiny_recognition import tiny_whisper, tones, write_ctranslate2, write_speller
from lissom.workload.codes import as_codes
from lissom.workload.workload import Worded, Workload


def write_clips(folder: Path, texts: dict[str, list[str | None]], seconds: float = 0.3) -> Path:
    """A manifest of clips by split."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for part, said in texts.items():
        for number, text in enumerate(said):
            soundfile.write(folder / f"{part}{number}.wav", tones(len(lines), seconds), 16000)
            told: dict[str, Any] = {} if text is None else {"text": text}
            lines.append(json.dumps({"audio": f"{part}{number}.wav", "split": part, **told}))
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "manifest.jsonl"


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    write_ctranslate2(folder, tiny_whisper())
    return folder


@pytest.fixture(scope="module")
def speller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speller")
    write_speller(folder)
    return folder


def answered(workload: Workload) -> list[list[int]]:
    inputs = [tensor.numpy() for tensor in workload.splits.test.take([0, 1]).inputs]
    kind = TASKS.get(workload.task.name)
    return spoken(kind.answer(ModuleRunner(workload.module), inputs, workload.handling))


def test_whisper_is_a_task_of_speech(whisper: Path, tmp_path: Path) -> None:
    texts: dict[str, list[str | None]] = {"train": ["a0 b1", "c2", ""], "select": ["d3"], "test": ["f5 g6", "h8"]}
    workload = load(f"ct2:{whisper}", data=str(write_clips(tmp_path, texts)), task="speech")
    assert workload.task.name == "recognition" and workload.labelled and isinstance(workload.module, SequenceModel)
    batch = workload.splits.train.take([0, 1, 2])
    assert batch.inputs[0].shape == (3, 8, 40) and batch.inputs[1].tolist() == [[57, 58, 0, 1], [57, 58, 2, 59],
                                                                                [57, 58, 59, 59]]  # fmt: skip
    assert batch.targets is not None and batch.targets[0].tolist() == [-100, 0, 1, 59]
    scores = workload.module(*batch.inputs)
    assert scores.shape == (3, 4, 60) and not scores[1, 3].any() and not scores[2, 2:].any() and scores[0, 3].any()
    assert isinstance(workload.splits.test, Worded) and workload.splits.test.texts == ["f5 g6", "h8"]
    assert all(0 < len(tokens) < 24 for tokens in answered(workload))
    assert any("nothing is said in 1 recordings" in note for note in workload.notes)


def test_what_nobody_wrote_down_is_learnt_as_the_original_says_it(whisper: Path, tmp_path: Path) -> None:
    parts: dict[str, list[str | None]] = {"train": [None, None], "select": [None], "test": [None, None]}
    workload = load(f"ct2:{whisper}", data=str(write_clips(tmp_path, parts)), task="recognition")
    assert not workload.labelled
    train = workload.splits.train.take([0, 1])
    kind, inputs = TASKS.get("recognition"), [tensor.numpy() for tensor in train.inputs]
    expected = spoken(kind.answer(ModuleRunner(workload.module), inputs, workload.handling))
    assert train.targets is not None
    assert [row[(row >= 0) & (row != 59)].tolist() for row in train.targets[:, 1:]] == expected


def test_a_model_that_spells_is_one_too(speller: Path, tmp_path: Path) -> None:
    texts: dict[str, list[str | None]] = {"train": ["All is well.", "no"], "select": ["yes"], "test": ["one", "two"]}
    workload = load(f"hf:{speller}", data=str(write_clips(tmp_path, texts)), task="speech", seconds=0.5)
    assert workload.task.name == "recognition"
    batch = workload.splits.train.take([0, 1])
    assert batch.inputs[0].shape == (2, 8000)
    assert abs(float(batch.inputs[0][0, :4800].std()) - 1) < 1e-3 and not batch.inputs[0][0, 4800:].any()
    assert batch.targets is not None
    spelled = "".join("<>/?| ABCDEFGHIJKLMNOPQRSTUVWXYZ"[token + 1] if token > 4 else "|?"[token != 4]
                      for token in batch.targets[0].tolist())  # fmt: skip
    assert spelled == "ALL|IS|WELL"
    told = "1 characters of 1 transcripts are not in the model's vocabulary and are not learnt: '.'"
    assert told in workload.notes
    outputs = workload.module(*batch.inputs)
    loss = workload.task.loss(outputs, batch.targets)
    loss.backward()
    assert torch.isfinite(loss) and outputs.shape[::2] == (2, 32)
    best = outputs[0].detach().argmax(-1).tolist()
    by_hand = [token for place, token in enumerate(best) if token and (place == 0 or best[place - 1] != token)]
    assert collapsed(outputs[0].detach().numpy(), 0) == by_hand
    assert len(answered(workload)) == 2


def test_one_that_spells_is_the_same_network_while_it_learns(speller: Path) -> None:
    from transformers import Wav2Vec2ForCTC

    module = Wav2Vec2ForCTC.from_pretrained(speller)
    made = steady(module)
    sound = torch.from_numpy(tones(0, 0.5))[None]
    for part in made.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        elif isinstance(getattr(part, "dropout", None), float):
            part.dropout = 0.0
    learning, asked = made.train()(sound).logits, made.eval()(sound).logits
    torch.testing.assert_close(learning, asked)
    assert not any("masked" in name for name, _ in made.named_parameters())
    assert module.config.mask_time_prob > 0 and hasattr(module.wav2vec2, "masked_spec_embed")  # the user's is as it was


def test_repeated_letters_are_one_unless_something_is_between() -> None:
    scores = np.full((6, 3), 0.1, dtype=np.float32)
    for place, token in enumerate([1, 1, 0, 1, 2, 2]):
        scores[place, token] = 1.0
    assert collapsed(scores, blank=0) == [1, 1, 2] and collapsed(scores[:0], blank=0) == []


class Scores:
    """An artefact that says another letter at each place, sound or not."""

    def __init__(self, places: int) -> None:
        self.asked, self.places = 0, places

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.asked += 1
        return [np.eye(self.places + 1, dtype=np.float32)[None, 1:]]


def test_nothing_is_spelt_behind_the_end_of_the_sound_nor_in_silence() -> None:
    handling = {"ctc": {"blank": 0, "longest": 8, "steps": [[10, 5], [3, 2]]}}
    sound = np.zeros((3, 100), dtype=np.float32)
    sound[0, :62], sound[2] = 1.0, np.sin(np.arange(1, 101))
    runner = Scores(9)
    answers = spoken(heard(runner, [sound], handling))
    assert answers == [[1, 2, 3, 4, 5], [], [1, 2, 3, 4, 5, 6, 7, 8]] and runner.asked == 2
    assert places_of(sound[0], handling["ctc"]["steps"]) == 5 and places_of(sound[0, :3], [[10, 5]]) == 0


def test_places_are_counted_as_transformers_does(speller: Path) -> None:
    from transformers import Wav2Vec2ForCTC

    module = Wav2Vec2ForCTC.from_pretrained(speller)
    steps = [[10, 10], [32, 32]]
    for length in (1, 329, 330, 4800, 7999):
        expected = max(0, int(module._get_feat_extract_output_lengths(torch.tensor(length))))
        assert places_of(np.ones(length, np.float32), steps) == expected


def test_a_model_that_wants_a_mask_gets_none_and_is_said_to(speller: Path, tmp_path: Path) -> None:
    shutil.copytree(speller, tmp_path / "masked")
    told = {"sampling_rate": 16000, "do_normalize": True, "return_attention_mask": True}
    (tmp_path / "masked" / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")
    data = str(write_clips(tmp_path, {"train": ["one", "two"], "select": ["one"], "test": ["two"]}))
    for folder, count in ((speller, 0), (tmp_path / "masked", 1)):
        workload = load(f"hf:{folder}", data=data, task="speech", seconds=0.5)
        assert workload.handling["ctc"]["steps"] == [[10, 10], [32, 32]]
        assert sum("of 2 recordings of train are spelt otherwise" in note for note in workload.notes) == count


def test_a_model_that_spells_says_which_token_is_nothing(speller: Path, tmp_path: Path) -> None:
    shutil.copytree(speller, tmp_path / "no")
    config = json.loads((speller / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "no" / "config.json").write_text(json.dumps({**config, "pad_token_id": None}), encoding="utf-8")
    data = str(write_clips(tmp_path, {"train": ["one", "two"], "select": ["one"], "test": ["two"]}))
    with pytest.raises(LissomError, match="does not say which token is nothing"):
        load(f"hf:{tmp_path / 'no'}", data=data, task="speech")


def test_nothing_is_said_in_silence_when_it_is_scored_either(whisper: Path, tmp_path: Path) -> None:
    texts: dict[str, list[str | None]] = {"train": ["", "a0", ""], "select": ["d3"], "test": ["f5 g6", "h8"]}
    data = write_clips(tmp_path, texts)
    for name in ("train0", "train2", "test1"):  # quieter than what a bundle takes for silence
        soundfile.write(tmp_path / f"{name}.wav", 5e-5 * np.sign(tones(0, 0.3)), 16000)
    workload = load(f"ct2:{whisper}", data=str(data), task="speech")
    first, second = answered(workload)
    assert first and not second
    assert np.ptp(workload.example[0].numpy()) > 0  # what is timed is not silent


def test_texts_longer_than_any_answer_are_not_learnt(whisper: Path, tmp_path: Path) -> None:
    long = " ".join(["a0"] * 30)
    data = str(write_clips(tmp_path, {"train": ["a0", long, "b1"], "select": [long], "test": ["b1", "c2"]}))
    workload = load(f"ct2:{whisper}", data=data, task="speech")
    assert len(workload.splits.train) == 2 and isinstance(workload.splits.select, Worded)
    assert workload.splits.select.texts == [long] and workload.splits.select.take([0]).inputs[1].shape == (1, 23)
    notes = [note for note in workload.notes if "longer than the 21 tokens" in note]
    assert len(notes) == 2 and "left out: train1.wav" in notes[0]


def test_japanese_is_judged_by_its_letters(whisper: Path, tmp_path: Path) -> None:
    said = "東京タワーへ行きたいです"
    texts: dict[str, list[str | None]] = {"train": [said] * 2, "select": [said], "test": [said]}
    workload = load(f"ct2:{whisper}", data=str(write_clips(tmp_path, texts)), task="speech")
    assert "the score is 100 less the errors in percent of the letters, without case and signs" in workload.notes


def test_english_spellings_are_said_to_be_apart_where_nothing_says_otherwise(whisper: Path, tmp_path: Path) -> None:
    data = str(write_clips(tmp_path / "data", {"train": ["a0", "b1"], "select": ["a0"], "test": ["b1"]}))
    shutil.copytree(whisper, tmp_path / "model")
    (tmp_path / "model" / "normalizer.json").write_text('{"b": "a"}', encoding="utf-8")
    apart, alike = (load(f"ct2:{folder}", data=data, task="speech") for folder in (whisper, tmp_path / "model"))
    assert any("colour and color are two words" in note for note in apart.notes)
    assert not any("colour and color are two words" in note for note in alike.notes)
    assert alike.task.grade(np.asarray([[0]]), as_codes(["b0"])).tolist() == [[0, 2]]


def test_what_does_not_listen_or_has_no_such_language_is_refused(whisper: Path, tmp_path: Path) -> None:
    data = str(write_clips(tmp_path, {"train": ["a0", "b1"], "select": ["a0"], "test": ["b1"]}))
    with pytest.raises(LissomError, match="a Linear, which writes nothing down"):
        load(torch.nn.Linear(2, 2), data=data, task="recognition", tokenizer=whisper)
    with pytest.raises(LissomError, match="knows one language alone"):
        load(f"ct2:{whisper}", data=data, task="recognition", language="de")
    with pytest.raises(LissomError, match="there is no option 'bands' for recordings of speech"):
        load(f"ct2:{whisper}", data=data, task="speech", bands=40)
    with pytest.raises(LissomError, match="has a window of its own"):
        load(f"ct2:{whisper}", data=data, task="speech", seconds=2.0)
    with pytest.raises(LissomError, match="0 beams"):
        load(f"ct2:{whisper}", data=data, task="speech", beams=0)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"beams": 4}, "it cannot follow 4 beams"), ({"language": "de"}, "it cannot be told 'de'")],
)
def test_what_a_model_that_spells_cannot_follow_is_refused(
    speller: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    data = str(write_clips(tmp_path, {"train": ["one", "two"], "select": ["one"], "test": ["two"]}))
    with pytest.raises(LissomError, match=said) as refused:
        load(f"hf:{speller}", data=data, task="speech", **options)
    assert refused.value.hints == (f"leave --{next(iter(options))} out",)


@pytest.mark.parametrize(("seconds", "told"), [(0.3, ": 1 of 1 recordings of train"), (0.01, "gets none here; a")])
def test_a_recording_shorter_than_a_place_is_not_compared(
    speller: Path, tmp_path: Path, seconds: float, told: str
) -> None:
    shutil.copytree(speller, tmp_path / "masked")
    prepared = {"sampling_rate": 16000, "do_normalize": True, "return_attention_mask": True}
    (tmp_path / "masked" / "preprocessor_config.json").write_text(json.dumps(prepared), encoding="utf-8")
    data = str(write_clips(tmp_path, {"train": ["one", "two"], "select": ["one"], "test": ["two"]}))
    soundfile.write(tmp_path / "train0.wav", tones(0, seconds), 16000)
    soundfile.write(tmp_path / "train1.wav", tones(1, 0.01), 16000)
    notes = load(f"hf:{tmp_path / 'masked'}", data=data, task="speech", seconds=0.5).notes
    assert any("the model learnt with a mask" in note and told in note for note in notes), notes
