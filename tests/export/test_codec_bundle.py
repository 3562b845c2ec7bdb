"""A bundle of a codec codes and decodes in a process of its own, without PyTorch, with either runtime."""

import hashlib
import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

pytest.importorskip("constriction", reason="the extra codec is not installed")

from lissom.core.errors import LissomError
from lissom.export.bundle import Contents, write_bundle
from lissom.export.codec_files import codec_files
from lissom.export.onnx_file import export_onnx
from lissom.targets.onnx_int8 import int8_file
from lissom.tasks import TASKS
from lissom.tasks.codec.files import decode_file, encode_file
from lissom.tasks.codec.loading import INT8_LAYERS
from lissom.tasks.codec.transforms import PLANES, RUNTIMES, SAMPLE, SAMPLE_FRAMES, load_coder
from lissom.tasks.codec.video import Film
from lissom.testing.tiny_codec import tiny_codec, tiny_coder, tiny_examples, tiny_film
from lissom.zoo.inputs import codec_inputs

WITHOUT = """
import runpy, sys
sys.modules["torch"] = sys.modules["lissom"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codec")
    module = tiny_codec()
    example = codec_inputs(module, 32)
    export_onnx(module, example, folder / "model.onnx")
    outputs = module(*example).detach().numpy()
    write_bundle(
        folder / "bundle",
        Contents(
            files=(folder / "model.onnx",),
            runner="lissom.export.runners.onnx_runner",
            task="codec",
            handling={},
            classes=(),
            inputs=tuple(tensor.numpy() for tensor in example),
            outputs=outputs,
            original=outputs,
            card="a codec",
            facts={},
            attached=codec_files(module, tiny_examples(module)),
        ),
    )
    return folder / "bundle"


def ask(bundle: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, str(bundle / "predict.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_needs_onnx_runtime_whatever_it_was_made_for() -> None:
    assert "onnxruntime" in TASKS.get("codec").requirements, "the transforms beside the artefact are ONNX files"


@pytest.mark.slow
def test_it_codes_here_and_decodes_there(bundle: Path, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4")
    made = ask(bundle, tmp_path / "film.mp4", "--quality", "4", "--json")
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert (found["frames"], found["key_frames"]) == (3, 1) and found["output"].endswith("film.lsmc")
    decoded: dict[str, list[np.ndarray]] = {}
    for runtime in ("onnxruntime", "openvino"):
        out = tmp_path / f"{runtime}.y4m"
        done = ask(bundle, tmp_path / "film.lsmc", "-o", out, "--runtime", runtime)
        assert done.returncode == 0, done.stderr
        decoded[runtime] = [frame.picture.y for frame in Film(out)]
    decode_file(load_coder(bundle), tmp_path / "film.lsmc", tmp_path / "here.y4m")
    for a, b in zip(decoded["onnxruntime"], Film(tmp_path / "here.y4m"), strict=True):
        np.testing.assert_array_equal(a, b.picture.y)  # bit by bit in another process
    decode_file(tiny_coder(tiny_codec()), tmp_path / "film.lsmc", tmp_path / "torch.y4m")
    decoded["torch"] = [frame.picture.y for frame in Film(tmp_path / "torch.y4m")]
    for other in ("openvino", "torch"):
        for a, b in zip(decoded["onnxruntime"], decoded[other], strict=True):
            np.testing.assert_array_equal(a, b)  # and in other runtimes


def test_an_encoder_in_int8_writes_what_the_same_decoder_reads_to_the_bit(bundle: Path, tmp_path: Path) -> None:
    module = tiny_codec()
    files = codec_files(module, tiny_examples(module), partial(int8_file, only=INT8_LAYERS))
    for name in ("encoder.onnx", "decoder.onnx", "prior.npz"):
        (tmp_path / name).write_bytes(files[name])
    graph = onnx.load(tmp_path / "encoder.onnx").graph
    makers = {output: node.op_type for node in graph.node for output in node.output}
    layers = [node for node in graph.node if node.op_type == "Conv"]
    inside = [all(makers.get(name) == "DequantizeLinear" for name in node.input[:2]) for node in layers]
    assert (sum(inside), len(inside)) == (3 * 4, 3 * 4 + 4 + 3), "those of blocks, not what is around or the summary's"
    assert all(files[name] == (bundle / name).read_bytes() for name in ("decoder.onnx", "prior.npz"))
    tiny_film(tmp_path / "film.mp4")
    coders = {runtime: load_coder(tmp_path, runtime=runtime) for runtime in RUNTIMES}
    for encoding in RUNTIMES:
        written = encode_file(coders[encoding], tmp_path / "film.mp4", tmp_path / "film.lsmc", 4)
        whole = encode_file(load_coder(bundle), tmp_path / "film.mp4", tmp_path / "fp32.lsmc", 4)
        assert abs(written.psnr - whole.psnr) < 0.5 and written.size_bytes < 1.1 * whole.size_bytes
        pictures: list[list[np.ndarray]] = []
        for runtime, coder in (*coders.items(), ("of the bundle in FP32", load_coder(bundle))):
            decode_file(coder, tmp_path / "film.lsmc", tmp_path / f"{runtime}.y4m")
            pictures.append([frame.picture.y for frame in Film(tmp_path / f"{runtime}.y4m")])
        for other in pictures[1:]:
            np.testing.assert_array_equal(np.stack(pictures[0]), np.stack(other))


def test_an_encoder_in_int8_that_makes_other_latents_is_refused() -> None:
    module = tiny_codec()

    def ruined(content: bytes, _inputs: object) -> bytes:
        made = onnx.load_from_string(content)
        weight = next(item for item in made.graph.initializer if item.name.endswith("analysis.1.project.weight"))
        weight.CopyFrom(numpy_helper.from_array(8 * numpy_helper.to_array(weight), weight.name))
        return made.SerializeToString()

    with pytest.raises(LissomError, match="codes otherwise than in FP32: latents differ by"):
        codec_files(module, tiny_examples(module), ruined)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_damaged_network_is_said(bundle: Path, tmp_path: Path, runtime: str) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    encoder = tmp_path / "bundle" / "encoder.onnx"
    encoder.write_bytes(encoder.read_bytes()[:1000])
    with pytest.raises(LissomError, match=r"encoder\.onnx or decoder\.onnx cannot be loaded"):
        load_coder(tmp_path / "bundle", runtime=runtime)


def test_a_decoder_of_another_model_decodes_nothing(bundle: Path, tmp_path: Path) -> None:
    """One changed byte would make other pictures, and no error."""
    shutil.copytree(bundle, tmp_path / "bundle")
    decoder = tmp_path / "bundle" / "decoder.onnx"
    content = bytearray(decoder.read_bytes())
    content[len(content) // 2] ^= 1
    decoder.write_bytes(content)
    with pytest.raises(LissomError, match=r"decoder\.onnx is damaged, or of another model"):
        load_coder(tmp_path / "bundle", encodes=False)


def test_two_films_are_not_written_to_one_stream(bundle: Path, tmp_path: Path) -> None:
    found = ask(bundle, tmp_path / "film.mp4", tmp_path / "film.y4m")
    assert found.returncode == 2 and "two of the files would be written to" in found.stderr


def test_a_folder_is_no_video(bundle: Path) -> None:
    found = ask(bundle, ".", "/", "--json")
    assert found.returncode == 2 and found.stderr.splitlines() == [
        ".: there is no such file",
        "/: there is no such file",
    ]
    assert [json.loads(line)["file"] for line in found.stdout.splitlines()] == [".", "/"]


@pytest.mark.parametrize("what", [*PLANES, "stream"])
def test_a_sample_that_is_decoded_otherwise_is_found(bundle: Path, tmp_path: Path, what: str) -> None:
    """Whole files that do not belong together: the hashes are right, the pictures are not."""
    shutil.copytree(bundle, tmp_path / "bundle")
    changed = tmp_path / "bundle" / (SAMPLE if what == "stream" else SAMPLE_FRAMES)
    if what == "stream":
        other = tiny_codec(seed=1)
        changed.write_bytes(codec_files(other, tiny_examples(other))[SAMPLE])
    else:
        with np.load(changed) as held:
            planes = {name: held[name] for name in held}
        planes[what][1, 2, 3] ^= 16
        np.savez_compressed(changed, **planes)  # pyright: ignore[reportArgumentType]
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    manifest["sha256"][changed.name] = hashlib.sha256(changed.read_bytes()).hexdigest()
    (tmp_path / "bundle" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = ask(tmp_path / "bundle", "--verify", "--json")
    problems = json.loads(found.stdout)["problems"]
    assert found.returncode == 2 and len(problems) == 1
    assert ("another model" if what == "stream" else "decoded otherwise, by 16 of 255 levels") in problems[0]


@pytest.mark.slow
def test_it_says_what_is_wrong(bundle: Path, tmp_path: Path) -> None:
    for runtime in RUNTIMES:
        verified = ask(bundle, "--verify", "--runtime", runtime)
        assert verified.returncode == 0 and "ok: 1 of 1 test vectors agree" in verified.stdout, verified.stdout
    missing = ask(bundle, tmp_path / "none.mp4")
    assert missing.returncode == 2 and "no such file" in missing.stderr
    tiny_film(tmp_path / "film.mp4")
    assert ask(bundle, tmp_path / "film.mp4").returncode == 0
    content = (tmp_path / "film.lsmc").read_bytes()
    (tmp_path / "cut.lsmc").write_bytes(content[:-20])
    cut = ask(bundle, tmp_path / "cut.lsmc")
    assert cut.returncode == 2 and "after frame" in cut.stderr and (tmp_path / "cut.decoded.mp4").is_file()
