"""Refuses a ``.pt2`` archive of torch.export that could run code of its own. Carried into bundles beside the runner.

torch.export.load unpickles freely what an archive tells it to, loads native code out of it, evaluates its expressions
and writes its names into Python. So only what an export of plain tensors holds is let through.
"""

import ast
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

_PROGRAM, _EXAMPLE = "models/model.json", "data/sample_inputs/model.pt"
_CONFIGS = {
    "data/weights/model_weights_config.json": re.compile(r"weight_\d+"),
    "data/constants/model_constants_config.json": re.compile(r"tensor_\d+"),
}
_WHOLE = {_PROGRAM, _EXAMPLE, *_CONFIGS}
_NUMBERS = r"data/weights/weight_\d+|data/constants/tensor_\d+"  # bytes of tensors, as long as no config says otherwise
_WRITERS = r"archive_format|archive_version|byteorder|\.data/\w+|\.\w+"  # of the archive itself; read as text
_ALLOWED = re.compile("|".join([*map(re.escape, sorted(_WHOLE)), _NUMBERS, _WRITERS]), re.ASCII)

_NAME = re.compile(r"\w*")
_PATH = re.compile(r"[\w.:/@ -]*")  # of a layer, which may be called otherwise than Python's names are
_ARITHMETIC = re.compile(
    r"_operator\.(add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pos|pow|sub|truediv)"
    r"|math\.[a-z]+|torch\._?sym_[a-z]+"
)
_OPERATOR = re.compile(r"torch\.ops(\.\w+){2,3}", re.ASCII)
_TAKES_TEXT = re.compile(r"torch\.ops\.(aten\.\w+\.\w+|higher_order\.(wrap_with_autocast|invoke_subgraph))")
_FILES = "torch.ops.aten.from_file."
_FUNCTION = re.compile(r"[A-Z]\w*|floor|ceiling|sqrt|log|exp")  # of sympy, which has nothing else that is called so
_TEXTS = {"as_string", "as_strings"}
_TOLD = {"metadata", "torch_version", "guards_code"}  # guards are for archives with an example
_EXPRESSION = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name, ast.Constant,
               ast.keyword, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)  # fmt: skip

_WRONG = (ValueError, RuntimeError, SyntaxError, KeyError, IndexError, TypeError, AttributeError, zipfile.BadZipFile)


def refuse_code(path: Path) -> None:
    """Let nothing through that loading would unpickle, run or evaluate, other than a graph of operators on tensors.

    Args:
        path: of the archive. Nothing of it is unpickled to find out.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it holds a pickle, native code, a file that such an archive has not, or text where Python is made
            of it; its configs cannot be read, or two of its files have one name.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing")
    try:
        reader: Any = torch._C.PyTorchFileReader(str(path))  # the one that loading uses: another may see other files
        names = _checked_names(path, reader)
        for name in sorted(_WHOLE - names):
            raise ValueError(f"it has no {name}")
        if reader.get_record(_EXAMPLE):
            raise ValueError("it holds an example input, which is a pickle")
        for config, allowed in _CONFIGS.items():
            _check_config(config, _json(reader, config), allowed)
        _check(_json(reader, _PROGRAM), "")
    except _WRONG as error:
        raise ValueError(
            f"{path.name} is not loaded: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from error


def _checked_names(path: Path, reader: Any) -> set[str]:
    """The names of the files without their top folder, all of them ones that an export of tensors has."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    names = [info.orig_filename.partition("/")[2] for info in infos]
    for name in names:
        if not _ALLOWED.fullmatch(name):
            raise ValueError(f"it holds {name!r}, which is neither a tensor nor the program")
    if len({info.orig_filename.partition("/")[0] for info in infos}) != 1:
        raise ValueError("it has not one top folder")
    if len({name.lower() for name in names}) != len(names):  # the runtime does not tell cases apart
        raise ValueError("two of its files have the same name")
    if sorted(reader.get_all_records()) != sorted(names):
        raise ValueError("what it holds depends on who reads it")
    return set(names)


def _json(reader: Any, name: str) -> Any:
    try:
        return json.loads(reader.get_record(name).decode())
    except ValueError as error:
        raise ValueError(f"{name} cannot be read: {error}") from error


def _check_config(name: str, config: Any, allowed: re.Pattern[str]) -> None:
    entries = config.get("config") if isinstance(config, dict) else None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(f"{name} cannot be read: it lists no tensors")
    for tensor, entry in entries.items():
        if entry.get("use_pickle") is not False:
            raise ValueError(f"{name} asks for {tensor} to be unpickled")
        if not isinstance(entry.get("path_name"), str) or not allowed.fullmatch(entry["path_name"]):
            raise ValueError(f"{name} has {entry.get('path_name')!r} for {tensor}, which is not a tensor")
    _check(config, "")


def _check(value: Any, key: str) -> None:
    """Refuse text in the program that would become Python: what may stand there depends on the key it stands under."""
    if isinstance(value, str):
        _check_text(value, key)
    elif isinstance(value, list):
        for item in value:
            _check(item, key)
    elif isinstance(value, dict):
        if "target" in value and not _TAKES_TEXT.fullmatch(str(value["target"])) and _has_text(value.get("inputs")):
            raise ValueError(f"its program gives a text to {value['target']!r}")
        for name, item in value.items():
            _check_text(name, "fqn")
            if not (name in _TOLD and _is_told(item)):
                _check(item, name)


def _check_text(text: str, key: str) -> None:
    if key in _TEXTS:
        return
    if key == "expr_str":
        right = _is_expression(text)
    elif key in ("in_spec", "out_spec"):
        right = not text or _is_structure(json.loads(text)[1])
    elif key in ("target", "as_operator"):
        right = _is_operator(text)
    else:
        exact = key in ("name", "as_name", "forward_arg_names")
        right = (_NAME if exact else _PATH).fullmatch(text) is not None
    if not right:
        raise ValueError(f"its program has {text[:60]!r} for {key}, which is not let through")


def _has_text(value: Any) -> bool:
    """Whether an operator is given a text; what it is given a graph of is asked by itself."""
    if isinstance(value, list):
        return any(map(_has_text, value))
    if not isinstance(value, dict) or isinstance(value.get("nodes"), list):
        return False
    return any(name in _TEXTS or _has_text(item) for name, item in value.items())


def _is_told(value: Any) -> bool:
    """Whether it is text for people, rather than a part of the program that happens to have such a name."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return all(isinstance(item, str) for item in items)


def _is_expression(text: str) -> bool:
    """Whether it is a formula of sizes, as ``Symbol('s0', positive=True) + 1``, which sympy evaluates as Python."""
    nodes = list(ast.walk(ast.parse(text.strip(), mode="eval")))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return (
        all(isinstance(node, _EXPRESSION) for node in nodes)
        and all(isinstance(call, ast.Name) and _FUNCTION.fullmatch(call.id) for call in called)
        and all(
            _NAME.fullmatch(value) if isinstance(value, str) else not isinstance(value, bytes) for value in constants
        )
    )


def _is_structure(spec: Any) -> bool:
    """Whether inputs or outputs are tensors in tuples, lists and dictionaries: others may import what they name."""
    kind, context = spec["type"], spec["context"]
    if kind == "builtins.dict":
        keys = json.loads(context)
        known = isinstance(keys, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in keys)
    else:
        known = kind is None or (kind in ("builtins.tuple", "builtins.list") and context == "null")
    return known and all(map(_is_structure, spec["children_spec"]))


def _is_operator(text: str) -> bool:
    """Whether it names one of PyTorch's operators, rather than whatever else can be reached from ``torch``."""
    if not _OPERATOR.fullmatch(text):
        return _ARITHMETIC.fullmatch(text) is not None
    found: Any = torch
    for name in text.split(".")[1:]:
        found = getattr(found, name, None)
    if isinstance(found, torch._ops.OpOverload):  # what has no kernel is of TorchScript, such as aten::save
        return torch._C._dispatch_has_kernel(found.name()) and not text.startswith(_FILES)
    return isinstance(found, torch._ops.HigherOrderOperator)
