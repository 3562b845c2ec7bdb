import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lissom.graph.closing import structure
from lissom.graph.tags import Tags


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_united_tags_are_exactly_the_connected_ones(pairs):
    tags = Tags()
    tags.new(31)
    if pairs:
        first, second = np.array(pairs).T
        tags.unite(first.copy(), second.copy())
    roots = tags.find(np.arange(31))
    reach = np.eye(31, dtype=bool)
    for a, b in pairs:
        reach[a, b] = reach[b, a] = True
    for _ in range(6):
        reach = reach @ reach
    assert ((roots[:, None] == roots[None]) == reach).all()


def test_pinned_tags_are_tag_zero():
    tags = Tags()
    some = tags.new(5)
    tags.pin(some[2:4])
    assert tags.find(some).tolist() == [1, 2, 0, 0, 5]


def dead_after(tags, *seeds):
    relations = structure(tags)
    dead = np.zeros((1, relations.count), dtype=bool)
    dead[0, list(seeds)] = True
    return relations.close(dead)[0]


def test_a_dead_row_kills_its_cells_and_dead_cells_their_row():
    tags = Tags()
    rows, cells = tags.new(3), tags.new(3, 4)
    tags.block(rows, cells)
    assert dead_after(tags, rows[1])[cells].sum(axis=1).tolist() == [0, 4, 0]
    assert dead_after(tags, *cells[2])[rows].tolist() == [False, False, True]
    assert not dead_after(tags, *cells[2][:3])[rows].any()


def test_rows_that_lose_different_numbers_of_cells_are_unequal():
    tags = Tags()
    rows, cells = tags.new(2), tags.new(2, 3)
    tags.block(rows, cells)
    relations = structure(tags)
    assert relations.excess(dead_after(tags, cells[0, 0])[None]).tolist() == [[0, 1]]
    assert relations.excess(dead_after(tags, cells[0, 0], cells[1, 2])[None]).tolist() == [[0, 0]]
    assert relations.excess(dead_after(tags, rows[0])[None]).tolist() == [[0, 0]]


def test_either_kills_the_column_of_a_cell_unless_its_row_is_dead():
    tags = Tags()
    rows, cols, cells = tags.new(2), tags.new(3), tags.new(2, 3)
    tags.block(rows, cells)
    tags.either(cells, rows[:, None], cols)
    assert dead_after(tags, rows[0])[cols].tolist() == [False, False, False]
    assert dead_after(tags, cells[0, 1])[cells].tolist() == [[False, True, False]] * 2
    assert dead_after(tags, cols[2])[cells].tolist() == [[False, False, True]] * 2


def test_either_with_a_pinned_column_unites_cell_and_row():
    tags = Tags()
    rows, cells = tags.new(2), tags.new(2, 3)
    tags.either(cells, rows[:, None], np.zeros(3, dtype=np.int64))
    assert (tags.find(cells) == tags.find(rows)[:, None]).all()


def test_cells_of_the_same_rows_and_columns_are_the_same():
    tags = Tags()
    rows, cols = tags.new(2, 1), tags.new(3)
    assert (tags.cells_of(rows, cols) == tags.cells_of(rows, cols)).all()
    assert (tags.cells_of(rows, cols) != tags.cells_of(rows, cols[::-1].copy())).all()


def test_settling_unites_a_cell_with_its_row_when_the_column_turns_out_pinned():
    tags = Tags()
    rows, cols, cells = tags.new(2), tags.new(3), tags.new(2, 3)
    tags.either(cells, rows[:, None], cols)
    tags.pin(cols)
    tags.settle()
    assert (tags.find(cells) == tags.find(rows)[:, None]).all() and not tags.eithers


def test_settling_pins_kernel_places_that_only_go_with_the_whole_kernel():
    tags = Tags()
    channels, places, cells = tags.new(4), tags.new(3), tags.new(4, 3)
    rows = tags.new(4)
    tags.either(cells, channels[:, None], places)
    tags.block(rows, cells)
    tags.floor(places)
    tags.unite(cells, rows[:, None])
    tags.settle()
    assert (tags.find(places) == 0).all()
    assert (tags.find(rows) == tags.find(channels)).all() and not tags.eithers and not tags.blocks


def test_settling_leaves_heads_and_their_cells_free():
    tags = Tags()
    rows, cols, cells = tags.new(2), tags.new(3), tags.new(2, 3)
    tags.block(rows, cells)
    tags.either(cells, rows[:, None], cols)
    tags.settle()
    assert len(np.unique(tags.find(np.concatenate([rows, cols, cells.ravel()])))) == 2 + 3 + 6
    assert dead_after(tags, cols[2])[cells].tolist() == [[False, False, True]] * 2


def test_an_empty_slice_asks_for_nothing():
    tags = Tags()
    tags.floor(tags.new(0))
    assert not tags.floors
