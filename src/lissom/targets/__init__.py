"""Runtimes that an artefact is made for and measured on. A new one is one file and one line here."""

from lissom.core.tables import Table

TARGETS = Table(
    "target",
    {
        "onnxruntime": "lissom.targets.onnx_runtime:OnnxRuntime",
        "openvino": "lissom.targets.openvino_ir:OpenVino",
        "pytorch": "lissom.targets.torch_program:PyTorch",
        "inductor": "lissom.targets.torch_program:Inductor",
        "executorch": "lissom.targets.executorch_program:ExecuTorch",
        "litert": "lissom.targets.litert_model:LiteRt",
        "ncnn": "lissom.targets.ncnn_net:Ncnn",
    },
)
