"""Views and what they do to rows and cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lissom.graph.closing import structure
from lissom.graph.maps import Map, Maps, rename
from lissom.graph.reshaping import Run, runs, view
from lissom.graph.tags import Tags


def line(tags, n):
    return Maps((n,), {0: Map((), tags.new(n))})


@given(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=5), st.randoms())
def test_runs_have_equal_products_and_cover_everything(old, random):
    total = int(np.prod(old))
    new, left = [], total
    while left > 1:
        n = random.choice([d for d in range(2, left + 1) if left % d == 0])
        new.append(n)
        left //= n
    found = runs(old, new)
    for run in found:
        assert np.prod([old[d] for d in run.old]) == np.prod([new[d] for d in run.new])
    assert [d for run in found for d in run.old] == [d for d, n in enumerate(old) if n > 1]
    assert [d for run in found for d in run.new] == list(range(len(new)))


def test_runs_are_the_smallest():
    assert runs((2, 6, 5), (2, 2, 3, 5)) == [Run((0,), (0,)), Run((1,), (1, 2)), Run((2,), (3,))]


def test_splitting_makes_rows_and_keeps_cells():
    tags = Tags()
    before = line(tags, 6)
    after = view(tags, before, (2, 3))
    assert after.at[1].context == (0,)
    assert (after.at[1].tags.ravel() == before.at[0].tags).all()
    assert len(tags.blocks) == 1 and (tags.blocks[0].rows == after.at[0].tags).all()


def test_there_and_back_is_nothing():
    tags = Tags()
    before = line(tags, 12)
    after = view(tags, view(tags, before, (2, 3, 2)), (12,))
    assert (tags.find(after.at[0].tags) == before.at[0].tags).all()


def test_the_same_split_gives_the_same_rows():
    tags = Tags()
    before = line(tags, 6)
    first, second = view(tags, before, (2, 3)), view(tags, before, (2, 3))
    assert (first.at[0].tags == second.at[0].tags).all()


def test_a_merge_against_the_nesting_unites_columns():
    tags = Tags()
    before = line(tags, 6)
    turned = rename(view(tags, before, (2, 3)), [1, 0])
    after = view(tags, turned, (6,))
    roots = tags.find(before.at[0].tags)
    assert (roots[:3] == roots[3:]).all() and len(set(roots.tolist())) == 3
    assert (tags.find(after.at[0].tags) == np.repeat(roots[:3], 2)).all()


def test_flattened_pictures_repeat_the_tag_of_their_channel():
    tags = Tags()
    channels = Maps((1, 3, 2, 2), {1: Map((), tags.new(3))})
    after = view(tags, channels, (1, 12))
    assert after.at[1].tags.tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    again = view(tags, after, (1, 3, 4))
    assert set(again.at) == {1} and again.at[1].context == ()
    assert not structure(tags).members.size


@given(st.data())
def test_cutting_and_reshaping_commute(data):
    """The pruned tensor in its new shape is the reshaped tensor, pruned."""
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    tags = Tags()
    total = int(np.prod(sizes))
    if total == 1:
        return
    before = line(tags, total)
    middle = view(tags, before, sizes)
    order = data.draw(st.permutations(range(len(sizes))))
    turned = rename(middle, order)
    merged = view(tags, turned, (total,))
    relations = structure(tags)
    seed = data.draw(st.sampled_from(before.at[0].tags.tolist()))
    dead = np.zeros((1, tags.count), dtype=bool)
    dead[0, tags.find(np.array([seed]))] = True
    dead = relations.close(dead)
    if (relations.excess(dead) > 0).any() or not relations.possible(dead)[0]:
        return
    alive = ~dead[0][tags.find(before.at[0].tags)]
    if not alive.any():
        return
    left = [sizes_left(tags, dead[0], middle, d) for d in range(len(sizes))]
    values = np.arange(total)
    masked = values.reshape(sizes).transpose(order).ravel()
    expected = masked[~dead[0][tags.find(merged.at[0].tags)]] if 0 in merged.at else masked
    if int(np.prod(left)) != alive.sum():
        return
    assert values[alive].reshape(left).transpose(order).ravel().tolist() == expected.tolist()


def sizes_left(tags, dead, maps, dim):
    if dim not in maps.at:
        return maps.shape[dim]
    alive = (~dead[tags.find(maps.at[dim].tags)]).sum(-1)
    return int(np.max(alive))
