"""An archive that would run code of its own is refused before anything of it is run; our own exports are loaded."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.export.runners.pt2_safety import refuse_code
from lissom.export.runners.pytorch_runner import Runner
from lissom.targets.capture import program_values
from lissom.targets.torch_program import PyTorch

Files = list[tuple[str, bytes]]
WEIGHTS, CONSTANTS = "m/data/weights/model_weights_config.json", "m/data/constants/model_constants_config.json"
PROGRAM, EXAMPLE = "m/models/model.json", "m/data/sample_inputs/model.pt"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(self.first(inputs), approximate="tanh") + torch.tensor([1.0, 2.0])


class Payload:
    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.made), "w")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What an export holds, under the top folder ``m``."""
    path = tmp_path_factory.mktemp("honest") / "m.pt2"
    PyTorch().export(Net().eval(), (torch.ones(1, 3),), path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return [(f"m/{name.partition('/')[2]}", archive.read(name)) for name in names]


def written(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files:
            info = zipfile.ZipInfo("held")
            info.filename = info.orig_filename = name  # as it is, whatever it is
            archive.writestr(info, content)
    return path


def pickled(made: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(Payload(made), buffer, pickle_protocol=2)
    return buffer.getvalue()


def changed(files: Files, name: str, change: Callable[[Any], object]) -> Files:
    """The files with a JSON file changed."""
    found = json.loads(dict(files)[name])
    change(found)
    return [(item, json.dumps(found).encode() if item == name else content) for item, content in files]


def put(files: Files, name: str, content: bytes) -> Files:
    return [*((item, held) for item, held in files if item != name), (name, content)]


def unpickling(config: str, tensor: str) -> Callable[[Files, Path], Files]:
    """A tensor that a config asks to be unpickled, in a file called as tensors are."""

    def attack(files: Files, made: Path) -> Files:
        def mark(found: Any) -> None:
            found["config"][tensor].update(use_pickle=True, path_name=place)

        place = "weight_7" if config == WEIGHTS else "tensor_7"
        return put(changed(files, config, mark), f"{config.rpartition('/')[0]}/{place}", pickled(made))

    return attack


def opaque(files: Files, made: Path) -> Files:
    entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
    found = changed(files, CONSTANTS, lambda found: found["config"].update(thing=entry))
    return put(found, "m/data/constants/opaque_obj_0", pickle.dumps(Payload(made), protocol=2))


def twice(files: Files, made: Path) -> Files:
    """Two configs of one name: the first asks for a pickle, the second does not."""
    bad = unpickling(WEIGHTS, "first.weight")(files, made)
    return [*bad, (WEIGHTS, dict(files)[WEIGHTS])]


def twice_behind(files: Files, made: Path) -> Files:
    bad = dict(unpickling(WEIGHTS, "first.weight")(files, made))
    return [*files, *((name, bad[name]) for name in (WEIGHTS, "m/data/weights/weight_7"))]


def in_capitals(files: Files, made: Path) -> Files:
    """The runtime finds a name in whatever case."""
    bad = dict(unpickling(WEIGHTS, "first.weight")(files, made))
    config = WEIGHTS.replace("weights_config", "WEIGHTS_CONFIG")
    return [(config, bad[WEIGHTS]), *files, ("m/data/weights/weight_7", bad["m/data/weights/weight_7"])]


def another_model(files: Files, made: Path) -> Files:
    bad = unpickling(WEIGHTS, "first.weight")(files, made)
    more = [(name.replace("model", "other").replace("others", "models"), content) for name, content in bad]
    return [*files, *(item for item in more if item[0] not in dict(files))]


def older(files: Files, made: Path) -> Files:
    """The archive of PyTorch 2.7, which is read where the newer one fails."""
    held = ("state_dict", "constants", "example_inputs")
    whole = [("version", b"8.20"), ("serialized_exported_program.json", dict(files)[PROGRAM])]
    return [*whole, *((f"serialized_{name}.pt", pickled(made)) for name in held)]


def older_behind(files: Files, made: Path) -> Files:
    return [*files, *older(files, made)]


def node(change: Callable[[Any, Path], object]) -> Callable[[Files, Path], Files]:
    """The program with its first node changed."""
    return program(lambda graph, made: change(graph["graph"]["nodes"][0], made))


def program(change: Callable[[Any, Path], object]) -> Callable[[Files, Path], Files]:
    return lambda files, made: changed(files, PROGRAM, lambda found: change(found["graph_module"], made))


def code(made: Path) -> str:
    return f"__import__('pathlib').Path({str(made)!r}).touch()"


def size(graph: Any, made: Path) -> None:
    graph["graph"]["tensor_values"]["inputs"]["sizes"][0]["as_expr"]["expr_str"] = code(made)


def hidden_size(graph: Any, made: Path) -> None:
    values = graph["graph"]["tensor_values"]
    meta = json.loads(json.dumps(values["inputs"]))
    meta["sizes"][0]["as_expr"]["expr_str"] = code(made)
    values["metadata"] = meta


def structure(kind: str, context: Any) -> Callable[[Files, Path], Files]:
    spec = json.dumps([1, {"type": kind, "context": json.dumps(context), "children_spec": []}])
    return program(lambda graph, made: graph["module_call_graph"][0]["signature"].update(out_spec=spec))


def text(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "arg": {"as_string": value}, "kind": 1}


ATTACKS: dict[str, Callable[[Files, Path], Files]] = {
    "a weight": unpickling(WEIGHTS, "first.weight"),
    "a constant": unpickling(CONSTANTS, "lifted_tensor_0"),
    "an object": opaque,
    "old weights": lambda files, made: put(files, "m/data/weights/model.pt", pickled(made)),
    "old constants": lambda files, made: put(files, "m/data/constants/model.pt", pickled(made)),
    "an example": lambda files, made: put(files, EXAMPLE, pickled(made)),
    "two of a name": twice,
    "two of a name, turned": twice_behind,
    "capitals": in_capitals,
    "another model": another_model,
    "an older archive": older,
    "an older archive behind": older_behind,
    "native code": lambda files, made: [*files, ("m/data/aotinductor/model/x.wrapper.so", b"\x7fELF")],
    "another top folder": lambda files, made: [*files, ("n/data/weights/weight_9", b"")],
    "a config that is no JSON": lambda files, made: put(files, WEIGHTS, b'{"config": '),
    "a config that is a list": lambda files, made: put(files, CONSTANTS, b"[]"),
    "a config that is missing": lambda files, made: [item for item in files if item[0] != CONSTANTS],
    "a name that ends early": lambda files, made: [*files, ("m/data/weights/weight_9\0.pt", pickled(made))],
    "a size": program(size),
    "a size of a tensor called metadata": program(hidden_size),
    "a name": node(lambda node, made: node.update(name=f"x = {code(made)}; y")),
    "an argument": program(
        lambda graph, made: graph["module_call_graph"][0]["signature"].update(forward_arg_names=[f"x={code(made)}"])
    ),
    "a function of Python": node(
        lambda node, made: node.update(target="torch.os.system", inputs=[text("command", f"touch {made}")])
    ),
    "a library": node(lambda node, made: node.update(target="torch.ops.load_library", inputs=[text("path", "x.so")])),
    "an operator that reads a file": node(
        lambda node, made: node.update(target="torch.ops.aten.from_file.default", inputs=[text("filename", str(made))])
    ),
    "an operator that writes a file": node(
        lambda node, made: node.update(target="torch.ops.aten.save.default", inputs=[text("filename", str(made))])
    ),
    "an operator of another library that takes a text": node(
        lambda node, made: node.update(target="torch.ops.profiler._record_function_enter_new.default",
                                       inputs=[text("name", str(made))])
    ),
    "a structure that imports": structure(
        "collections.defaultdict", {"default_factory_module": "this", "default_factory_name": "d", "dict_context": []}
    ),
    "a structure with an enum": structure(
        "builtins.tuple", {"__enum__": True, "fqn": "this:d", "name": "x"}
    ),
}  # fmt: skip


def refused(path: Path, made: Path) -> None:
    for load in (refuse_code, Runner, lambda path: program_values(path, [np.ones((1, 3), dtype=np.float32)])):
        with pytest.raises(ValueError, match=r"^bad\.pt2 is not loaded: "):
            load(path)
        assert not made.exists(), "the payload was run"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_would_run_code_is_refused(honest: Files, attack: str, tmp_path: Path) -> None:
    made = tmp_path / "made by the payload"
    refused(written(tmp_path / "bad.pt2", ATTACKS[attack](honest, made)), made)


def test_two_tables_of_contents_do_not_hide_a_pickle(honest: Files, tmp_path: Path) -> None:
    """zipfile looks for the table before the end of the file, PyTorch where the end says that it begins."""
    made = tmp_path / "made by the payload"
    bad, good = (
        written(tmp_path / name, files).read_bytes()
        for name, files in (("a", [(n.replace("weight_7", "weight_0"), c) for n, c in _one_weight(honest, made)]),
                            ("b", honest))
    )  # fmt: skip
    tables = [content[_table(content) : len(content) - 22] for content in (bad, good)]
    assert len(tables[0]) == len(tables[1])
    end = bad[-22:]
    (tmp_path / "bad.pt2").write_bytes(bad[:-22] + good[: _table(good)] + tables[1] + end)
    refused(tmp_path / "bad.pt2", made)


def _one_weight(files: Files, made: Path) -> Files:
    """A pickle in the place of a weight, so that there are as many files as before."""
    bad = dict(unpickling(WEIGHTS, "first.weight")(files, made))
    config = bad[WEIGHTS].replace(b"weight_7", b"weight_0")
    there = {**dict(files), WEIGHTS: config, "m/data/weights/weight_0": bad["m/data/weights/weight_7"]}
    return [(name, there[name]) for name, _ in files]


def _table(content: bytes) -> int:
    return int.from_bytes(content[-6:-2], "little")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.pt2").write_bytes(b"PK\x03\x04 and no more")
    refused(tmp_path / "bad.pt2", tmp_path / "made")
    with pytest.raises(FileNotFoundError):
        refuse_code(tmp_path / "missing.pt2")


class Odd(nn.Module):
    """Layers with odd names, sizes that are computed, texts and whole numbers as arguments, a tensor that is shared."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("größe-1 a", nn.Conv1d(3, 4, 3, padding="same"))
        self.grown = nn.GRU(4, 4, batch_first=True)
        self.register_buffer("shared", torch.ones(4))
        self.again = self.shared

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        found = self.get_submodule("größe-1 a")(inputs).transpose(1, 2)
        with torch.no_grad():
            found = nn.functional.gelu(found + self.shared, approximate="tanh")
        found = self.grown(found)[0] * self.again
        doubled = torch.cat([found, found]).reshape(inputs.shape[0], -1)
        return torch.einsum("bi,bj->bij", doubled, doubled), {"summed": torch.div(doubled, 3, rounding_mode="floor")}


def test_what_an_honest_model_holds_is_let_through(honest: Files, tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 3, 6)).astype(np.float32)
    model = Odd().eval()
    artefact = PyTorch().export(model, (torch.ones(1, 3, 6),), tmp_path / "odd.pt2")
    found = Runner(artefact.path).run([inputs])
    with torch.no_grad():
        expected, rest = model(torch.from_numpy(inputs))
    assert np.allclose(found[0], expected.numpy(), atol=1e-5) and np.allclose(found[1], rest["summed"].numpy())
    assert artefact.notes == ()
    assert Runner(written(tmp_path / "copied.pt2", honest)).run([inputs[:, :, 0]])[0].shape == (2, 2)


@torch.library.custom_op("example::scaled", mutates_args=())
def scaled(inputs: torch.Tensor, kind: str) -> torch.Tensor:
    return inputs * len(kind)


@scaled.register_fake
def _(inputs: torch.Tensor, kind: str) -> torch.Tensor:
    return torch.empty_like(inputs)


class Scaled(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return scaled(inputs, "twice")


def test_what_could_not_be_loaded_again_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match=r"cannot be exported to PyTorch: .* gives a text to .*example"):
        PyTorch().export(Scaled().eval(), (torch.ones(1, 3),), tmp_path / "m.pt2")
    assert not list(tmp_path.iterdir())
