"""Ranks of parts without a sort are those of a sort."""

from __future__ import annotations

import random
from itertools import compress

import pytest

from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.ranking import Ranking


@pytest.mark.parametrize("draw", [random.Random.random, lambda rng: float(rng.randrange(7))])
@pytest.mark.parametrize("n", [0, 1, 2, 50])
def test_ranks_of_a_part_are_its_mid_ranks(draw, n):
    rng = random.Random(n)
    values = [draw(rng) for _ in range(n)]
    ranking = Ranking(values)
    for share in (0.0, 0.5, 0.8, 1.0):
        kept = [rng.random() < share for _ in values]
        part = list(compress(values, kept))
        ranks = ranking.ranks(list(compress(ranking.codes, kept)))
        assert ranks == mid_ranks(part)
        assert all(type(rank) is float for rank in ranks)


def test_zeros_of_either_sign_are_one_value():
    ranking = Ranking([0.0, -0.0, -1.0])
    assert ranking.ranks(ranking.codes) == [2.5, 2.5, 1.0]


def test_the_commonest_value_is_counted():
    assert Ranking([1.0, 2.0, 2.0]).most == 2
    assert Ranking([]).most == 0
