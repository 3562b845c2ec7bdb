"""What a bundle of a codec has beside its artefact: both transforms for pictures of any size, the decoder's and the
entropy model in whole numbers, a sample to check it by, and the sources that code with them."""

import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.export.exact_synthesis import exact_synthesis
from lissom.export.onnx_file import OPSET, quiet, strip
from lissom.export.whole_weights import hold_whole_weights
from lissom.tasks.codec.coding import QUALITIES
from lissom.tasks.codec.files import decoded_frames, encode_file
from lissom.tasks.codec.handling import StreamReader
from lissom.tasks.codec.pictures import Picture
from lissom.tasks.codec.priors import BITS, DECODER_SUM, WEIGHT_BITS, digest, fixed, write_prior
from lissom.tasks.codec.symbols import LOWEST, SCALES, STEPS, Whole, make_tables
from lissom.tasks.codec.transforms import (
    DECODER,
    ENCODER,
    PLANES,
    PRIOR,
    SAMPLE,
    SAMPLE_FRAMES,
    OnnxRuntime,
    load_coder,
)
from lissom.tasks.codec.video import Recorder
from lissom.tasks.kind import ToInt8
from lissom.zoo.codec import LATENT_STRIDE, PACKED, SETTINGS, STRIDE, Codec, Hyperprior

SOURCES = ("pictures", "motion", "symbols", "priors", "coding", "transforms", "video", "files")
_LISSOM = re.compile(r"^from lissom\.tasks\.(?:codec\.)?(\w+) import", re.MULTILINE)
_ERRORS = "from lissom.core.errors import LissomError"
_TRACED = 4 * STRIDE  # packed pixels
_SAMPLE, _SHOWN = (64, 96), 3  # height and width of the sample, and its frames
_COMPARED, _APART = 16, 0.01  # inputs, and a share of the power
Sizes = dict[int, Any]


class Encoding(nn.Module):
    """What the encoder runs: frame, prediction and gains to latents and hyper-latents before rounding."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, frame: Tensor, prediction: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, 6, h, w)`` twice, and ``(batch, latents, 1, 1)``."""
        return self.codec.encode(frame, prediction, gain)


def codec_files(module: nn.Module, examples: Sequence[Tensor], to_int8: ToInt8 | None = None) -> dict[str, bytes]:
    """Files by their names.

    Args:
        module: the codec that is delivered.
        examples: inputs of it, which show how large values in its synthesis get, and in its encoder.
        to_int8: makes the encoder's file one in INT8; what it writes is read by the same decoder.
    """
    codec = module_of(module)
    synthesis = exact_synthesis(codec, examples)
    networks, arrays = transforms(codec, synthesis), prior_arrays(codec, synthesis)
    if to_int8 is not None:
        seen = _seen_by_encoder(codec, examples)
        small = to_int8(networks[ENCODER], seen)
        _check_alike(networks[ENCODER], small, seen[:_COMPARED])
        networks[ENCODER] = small
    coding = {**networks, PRIOR: write_prior({**arrays, DECODER_SUM: digest(networks[DECODER])})}
    return {**coding, **sample(coding), **sources()}


@torch.no_grad()
def _seen_by_encoder(codec: Codec, examples: Sequence[Tensor]) -> list[list[np.ndarray]]:
    """Inputs of the encoder, one at a time."""
    frames, predictions, settings = examples[:3]
    inputs = zip(frames, predictions, codec.gain(settings), strict=True)
    return [[tensor[None].numpy() for tensor in each] for each in inputs]


def _check_alike(encoder: bytes, small: bytes, inputs: Sequence[list[np.ndarray]]) -> None:
    """Refuse an encoder in INT8 that makes other latents.

    Raises:
        LissomError: their difference has more than a hundredth of the latents' own power.
    """
    with tempfile.TemporaryDirectory() as folder:
        made: list[np.ndarray] = []
        for content in (encoder, small):
            path = Path(folder) / ENCODER
            path.write_bytes(content)
            network = OnnxRuntime(path, threads=1)
            made.append(np.stack([network.run(each)[0] for each in inputs]))
    apart = float(np.square(made[0] - made[1]).mean() / max(np.square(made[0]).mean(), 1e-12))
    if not apart <= _APART:
        raise LissomError(
            f"the encoder in INT8 codes otherwise than in FP32: latents differ by {apart:.1%} of their power",
            hint="a budget that does not need INT8 has the encoder in FP32",
        )


def module_of(module: nn.Module) -> Codec:
    """The codec itself."""
    assert isinstance(module, Codec), f"a {type(module).__name__} is no codec"
    return module


def transforms(codec: Codec, synthesis: nn.Module) -> dict[str, bytes]:
    """Encoder and decoder as ONNX, for one picture of any height and width that 32 divides; ``synthesis`` decodes."""
    latents = codec.log_gain.out_features
    picture = torch.zeros(1, PACKED, _TRACED, _TRACED + STRIDE)
    inside = torch.zeros(1, latents, _TRACED // LATENT_STRIDE, (_TRACED + STRIDE) // LATENT_STRIDE)
    units = {2: torch.export.Dim("rows", min=1, max=256), 3: torch.export.Dim("columns", min=1, max=256)}
    picture_sizes: Sizes = {place: STRIDE * unit for place, unit in units.items()}
    inside_sizes: Sizes = {place: STRIDE // LATENT_STRIDE * unit for place, unit in units.items()}
    encoder = _exported(
        Encoding(codec), (picture, picture.clone(), torch.ones(1, latents, 1, 1)), (picture_sizes, picture_sizes, {})
    )
    decoder = _exported(synthesis, (inside, picture), (inside_sizes, picture_sizes), whole=True)
    return {ENCODER: encoder, DECODER: decoder}


def sample(coding: Mapping[str, bytes]) -> dict[str, bytes]:
    """A small film that was coded with these networks and this entropy model, and its frames as they are decoded."""
    rows, columns = np.indices(_SAMPLE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in coding.items():
            (folder / file).write_bytes(content)
        coder, film, stream = load_coder(folder), folder / "film.y4m", folder / SAMPLE
        recorder = Recorder(film, _SAMPLE, Fraction(1, 25))
        for time in range(_SHOWN):
            luma = 128 + 60 * np.sin((columns + 3 * time) / 7) + 40 * np.cos((rows - time) / 5)
            chroma = (luma[::2, ::2] // 4 + 96).astype(np.uint8)
            recorder.write(Picture(luma.astype(np.uint8), chroma, 255 - chroma), time)
        recorder.close()
        encode_file(coder, film, stream, QUALITIES - 1)
        with stream.open("rb") as file:
            decoded = [picture.planes for _, picture in decoded_frames(coder, StreamReader(file))]
        kept, planes = io.BytesIO(), (np.stack(plane) for plane in zip(*decoded, strict=True))
        np.savez_compressed(kept, **dict(zip(PLANES, planes, strict=True)))
        return {SAMPLE: stream.read_bytes(), SAMPLE_FRAMES: kept.getvalue()}


def _exported(
    module: nn.Module, example: tuple[Tensor, ...], sizes: tuple[Sizes, ...], *, whole: bool = False
) -> bytes:
    with quiet(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        program = torch.onnx.export(
            module.eval(), example, dynamo=True, opset_version=OPSET, dynamic_shapes=sizes, verbose=False
        )
        assert program is not None
        path = Path(folder) / "made.onnx"
        program.save(str(path), external_data=False)
        made = onnx.load(path)
    strip(made)
    if whole:
        hold_whole_weights(made)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def prior_arrays(codec: Codec, synthesis: nn.Module) -> dict[str, np.ndarray]:
    """The hyperprior in fixed point, its tables, the gains, and a digest of the synthesis, as
    :func:`lissom.tasks.codec.priors.read_prior` reads them."""
    hyperprior, settings = codec.hyperprior, torch.eye(SETTINGS)
    arrays: dict[str, np.ndarray] = {}
    for name in ("first", "second", "mean", "log_scale"):
        layer: nn.Conv2d = getattr(hyperprior, name)
        assert layer.bias is not None
        arrays[f"{name}.weight"] = fixed(layer.weight.detach(), WEIGHT_BITS).astype(np.int32)
        bias = layer.bias.detach()
        if name == "second":
            bias = bias + hyperprior.shift(settings).detach()
        arrays[f"{name}.bias"] = fixed(bias, WEIGHT_BITS + BITS).astype(np.int64)
    tables = make_tables()
    arrays["counts"] = np.concatenate(tables)
    arrays["lengths"] = np.asarray([len(table) for table in tables], dtype=np.int32)
    arrays["hyper_tables"] = _hyper_tables(hyperprior, settings)
    arrays["gains"] = codec.gain(settings).detach()[:, :, 0, 0].numpy()
    arrays["inverse_gains"] = codec.inverse_gain(settings).detach()[:, :, 0, 0].numpy()
    weights = b"".join(value.numpy().tobytes() for value in synthesis.state_dict().values())
    arrays["synthesis"] = digest(weights)
    return arrays


def _hyper_tables(hyperprior: Hyperprior, settings: Tensor) -> Whole:
    logs = hyperprior.hyper_scale(settings).detach()[:, :, 0, 0].numpy()
    return np.clip(np.rint((logs - LOWEST) * STEPS), 0, SCALES - 1).astype(np.int32)


def sources() -> dict[str, bytes]:
    """The modules that code, free of lissom."""
    made: dict[str, bytes] = {}
    for name in SOURCES:
        text = resources.files("lissom.tasks.codec").joinpath(f"{name}.py").read_text(encoding="utf-8")
        text = _LISSOM.sub(r"from \1 import", text.replace(_ERRORS, "from handling import LissomError"))
        assert "lissom." not in re.sub(r":(mod|func|class):`[^`]*`", "", text), f"{name} imports more of lissom"
        made[f"{name}.py"] = text.encode()
    return made
