"""A pair whose decoder scores the words that it is told to alone, with the lists of likely words beside it.

The table of scores stays whole in the file; rows are taken out of it before the product.
"""

import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from lissom.core.files import whole_file
from lissom.export.pair_files import decoder_of, word_lists_of
from lissom.targets.target import RefusedError
from lissom.tasks.translation.lexicon import WordLists

WORDS = "words"  # the decoder's input, and under which its file tells how many there are
_COMPUTED_FROM_HIDDEN = "DynamicQuantizeLinear"


def shortlist_pair(source: Path, target: Path, lists: WordLists) -> None:
    """Write a pair in float32 or INT8 once more, with a decoder that is told which words to score.

    Args:
        source: the main file of the pair.
        target: that of the new one.
        lists: what the runner tells it, beside the pair.

    Raises:
        RefusedError: the decoder has no layer that is known to give scores, or is told which words already.
    """
    model = onnx.load(decoder_of(source))
    score_some(model)
    with whole_file(word_lists_of(target)) as temporary:
        write_word_lists(temporary, lists)
    with whole_file(decoder_of(target)) as temporary:
        onnx.save(model, temporary)
    with whole_file(target) as temporary:  # whole once the main file is
        shutil.copyfile(source, temporary)


def write_word_lists(path: Path, lists: WordLists) -> None:
    """Write lists as arrays: ``always``, ``likely`` of all tokens in a row with ``starts``, and ``copied``."""
    starts = np.cumsum([0, *map(len, lists.likely)])
    likely = np.concatenate([np.zeros(0, dtype=np.int64), *lists.likely])
    arrays = {"always": lists.always, "likely": likely, "starts": starts}
    small = {name: array.astype(np.min_scalar_type(array.max(initial=0))) for name, array in arrays.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, copied=np.asarray(lists.copied), **small)  # pyright: ignore[reportArgumentType]


def score_some(model: onnx.ModelProto) -> None:
    """Give the step of a decoder an input ``words`` ``(n,)`` of the words that are scored, in place.

    Its ``scores`` are then ``(batch, n)``. Products with a table of words are known, in float32 and in 8 bits, and what
    is added to the scores.

    Raises:
        RefusedError: it has that input already, or another form.
    """
    graph = model.graph
    if any(item.name == WORDS for item in graph.input):
        raise RefusedError("the decoder is told which words to score already", hint="one shortlist is enough")
    sizes = graph.output[0].type.tensor_type.shape.dim
    narrowing = _Narrowing(graph, sizes[1].dim_value)
    narrowing.follow(graph.output[0].name)
    if narrowing.tables != 1:
        raise narrowing.refusal(f"{narrowing.tables} tables of words")
    nodes = [*narrowing.taken.values(), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # of as many words as there are
    graph.input.append(helper.make_tensor_value_info(WORDS, onnx.TensorProto.INT64, ["chosen"]))
    told = {item.key: item.value for item in model.metadata_props}
    helper.set_model_props(model, {**told, WORDS: str(sizes[1].dim_value)})
    sizes[1].dim_param = "chosen"


class _Narrowing:
    """Follows scores back to the table of words, and takes rows out of all that has one for each word.

    Args:
        graph: of the decoder; its nodes are told to read the rows.
        words: how many there are.
    """

    def __init__(self, graph: onnx.GraphProto, words: int) -> None:
        self._words = words
        self._held = {item.name: item for item in graph.initializer}
        self._made = {name: node for node in graph.node for name in node.output}
        self._read = [*(name for node in graph.node for name in node.input), *(item.name for item in graph.output)]
        self.taken: dict[str, onnx.NodeProto] = {}
        self.tables = 0

    def follow(self, name: str) -> None:
        """Make a value with a column for each word one of the chosen words."""
        node = self._made.get(name)
        if node is None or self._read.count(name) > 1:
            raise self.refusal(f"{name} is also read elsewhere" if node else f"{name} is not computed")
        if node.op_type in ("Add", "Mul", "Cast"):
            for place, given in enumerate(node.input):
                self._follow_part(node, place, given)
        elif node.op_type == "Reshape":
            self._take(node, 0, 0)
        elif node.op_type in ("Gemm", "MatMul", "MatMulInteger"):
            self._product(node)
        else:
            raise self.refusal(f"{node.op_type} gives {name}")

    def _follow_part(self, node: onnx.NodeProto, place: int, given: str) -> None:
        if given in self._held:
            self._take(node, place, -1)
        elif (made := self._made.get(given)) is None or made.op_type != _COMPUTED_FROM_HIDDEN:
            self.follow(given)

    def _product(self, node: onnx.NodeProto) -> None:
        self.tables += 1
        turned = any(item.name == "transB" and item.i for item in node.attribute)
        made = self._made.get(node.input[1])
        if made is not None and made.op_type == "Transpose" and self._read.count(node.input[1]) == 1:
            self._take(made, 0, 1 if turned else 0)
        else:
            self._take(node, 1, 0 if turned else 1)
        behind = {"Gemm": 2, "MatMulInteger": 3}.get(node.op_type, len(node.input))
        if len(node.input) > behind:
            self._take(node, behind, -1)

    def _take(self, node: onnx.NodeProto, place: int, axis: int) -> None:
        """Let a node read the chosen words of a constant alone; one number for all words stays."""
        name = node.input[place]
        item = self._held.get(name)
        if item is None:
            raise self.refusal(f"{node.op_type} reads {name}, which is computed")
        if not item.dims or (axis == -1 and item.dims[-1] == 1):
            return
        if item.dims[axis] != self._words:
            raise self.refusal(f"{node.op_type} reads {name} of {' x '.join(map(str, item.dims))}")
        axis %= len(item.dims)
        taken = f"{name}_of_{WORDS}"
        self.taken[taken] = helper.make_node("Gather", [name, WORDS], [taken], axis=axis)
        node.input[place] = taken

    def refusal(self, why: str) -> RefusedError:
        """That the layer was not found, and what is there instead."""
        return RefusedError(
            f"the layer that gives the scores of {self._words} words was not found in the decoder: {why}",
            hint="a shortlist needs a product with one table of words, as Marian, BART and T5 have it",
        )
