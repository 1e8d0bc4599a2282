"""Self-attention and its questions against references that loop over every choice."""

import numpy as np
import pytest
import torch

from graphrec.attention import Attention, AttentionConfig, Choices, places
from graphrec.nextchoice import AskingConfig, NextChoices, Pieces, ask, foretold, start
from graphrec.tensors import Floats
from tests.graphrec.graphs import known_graph, tastes

SMALL = AttentionConfig(dim=8, length=6, heads=2, dropout=0.0)
LISTS = [[3, 1, 3, 2, 0], [2], [4, 4, 1], [0, 5, 2, 3, 1, 5]]
TIMES = [[1.0, 2, 2, 3, 3], [5.0], [1.0, 2, 2], [1.0, 1, 1, 4, 5, 5]]


def rectangle() -> Choices:
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in LISTS])])
    at = np.concatenate([np.array(one) for one in TIMES])
    return Choices.of(indptr[:-1], indptr[1:], np.concatenate([np.array(one) for one in LISTS]), places(indptr, at))


def model(products: int = 6) -> Attention:
    torch.manual_seed(0)
    made = Attention(
        np.random.default_rng(0).normal(size=(products, 8)).astype(np.float32), np.arange(products, dtype=np.float32), SMALL
    )
    with torch.no_grad():
        made.again.copy_(torch.linspace(0.5, -0.5, 6))
        for layer in made.layers:
            layer.distance.copy_(torch.linspace(0, 1, 12).view(2, 6))
    return made.eval()


def seen(products: list[int], moments: list[int], place: int, other: int) -> bool:
    """Whether the other choice is the latest of its product up to the moment of this one."""
    until = [row for row in range(len(products)) if moments[row] <= moments[place]]
    return other in until and not any(products[row] == products[other] and moments[row] > moments[other] for row in until)


def test_a_choice_sees_each_product_chosen_up_to_its_second_where_it_stands_last() -> None:
    sight, choices = rectangle().sight(), rectangle()
    for row, products in enumerate(LISTS):
        moments = choices.place[row].tolist()
        for now in range(len(products)):
            expected = [seen(products, moments, now, then) for then in range(len(products))]
            assert sight.seen[row, now].tolist() == expected + [False] * (6 - len(products))
            for then in np.flatnonzero(expected):
                later = [one for one in np.flatnonzero(expected) if moments[one] > moments[then]]
                assert sight.ago[row, now, then] == len(later)


def test_what_is_asked_is_every_choice_after_the_first_second() -> None:
    asked, choices = ask(model(), rectangle()), rectangle()
    expected = []
    for row, products in enumerate(LISTS):
        moments = choices.place[row].tolist()
        for moment in range(1, max(moments[: len(products)]) + 1):
            found = sorted(one for one, when in zip(products, moments, strict=False) if when == moment)
            held = sorted({one for one, when in zip(products, moments, strict=False) if when < moment})
            expected.append((found, held))
    got = [
        (sorted(asked.product[asked.owner == one].tolist()), sorted(asked.held_product[asked.held == one].tolist()))
        for one in range(len(asked.states))
    ]
    assert sorted(got) == sorted(expected)


def test_nothing_that_comes_later_changes_what_a_choice_says() -> None:
    whole = Choices.of(np.array([0]), np.array([5]), np.array([3, 1, 4, 2, 0]), np.arange(5))
    short = Choices.of(np.array([0]), np.array([3]), np.array([3, 1, 4, 2, 0]), np.arange(5))
    with torch.no_grad():
        found = [model()(one, one.sight()).numpy()[0, :3] for one in (whole, short)]
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_a_history_that_is_filled_up_says_the_same_as_alone() -> None:
    with torch.no_grad():
        together = model()(rectangle(), rectangle().sight()).numpy()
        for row, products in enumerate(LISTS):
            alone = Choices.of(np.array([0]), np.array([len(products)]), np.array(products), rectangle().place[row])
            np.testing.assert_allclose(model()(alone, alone.sight()).numpy()[0], together[row, : len(products)], atol=1e-5)


def slow_scores(made: Attention, choices: Choices) -> list[tuple[Floats, list[int]]]:
    """For every moment asked about, the scores of all products and what was chosen."""
    asked, found = ask(made, choices), []
    vectors = made.products.detach().numpy()
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for one, state in enumerate(asked.states.detach().numpy()):
        scores = vectors @ state / np.linalg.norm(state) / SMALL.temperature
        scores += made.popularity.item() * np.log1p(made.chosen.numpy())
        for product, ago in zip(asked.held_product[asked.held == one], asked.ago[asked.held == one], strict=True):
            scores[product] += made.again[ago].item()
        found.append((scores, asked.product[asked.owner == one].tolist()))
    return found


def test_the_loss_is_the_softmax_over_all_products_where_all_compete() -> None:
    known = known_graph(LISTS, 6, at=TIMES)
    pieces = Pieces.of(known, 6)
    questions = NextChoices(pieces, 6, AskingConfig(), 0)
    made = model()
    total = []
    for scores, chosen in slow_scores(made, pieces.at(np.arange(len(pieces)))):
        total += [np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[one] for one in chosen]
    assert questions.loss(made).item() == pytest.approx(np.mean(total), rel=1e-4)


def test_candidates_that_are_drawn_stand_for_all_on_average() -> None:
    known = tastes(users=40, groups=2, size=20, length=6)
    pieces = Pieces.of(known, 6)
    made = model(40)
    full, drawn = (NextChoices(pieces, 40, AskingConfig(candidates=size), 0) for size in (100, 20))
    assert drawn.inclusion.max() < 1
    exact = full.loss(made).item()
    assert np.mean([drawn.loss(made).item() for _ in range(60)]) == pytest.approx(exact, abs=0.15 * exact)


def test_foretold_is_the_gain_of_the_ranks() -> None:
    made, choices = model(), rectangle()
    gains = [1 / np.log2(2 + (scores > scores[one]).sum()) for scores, chosen in slow_scores(made, choices) for one in chosen]
    assert foretold(made, choices) == pytest.approx(np.mean(gains), rel=1e-5)


def test_long_histories_are_read_in_pieces_the_latest_whole() -> None:
    pieces = Pieces.of(known_graph([list(range(10)), [1], [2, 3]], 10), 4)
    assert [pieces.product[start:stop].tolist() for start, stop in zip(pieces.starts, pieces.stops, strict=True)] == [
        [6, 7, 8, 9],
        [2, 3, 4, 5],
        [0, 1],
        [2, 3],
    ]
    assert pieces.user.tolist() == [0, 0, 0, 2]


def test_every_piece_is_drawn_once_before_any_comes_again() -> None:
    pieces = Pieces.of(tastes(users=300, groups=2, size=20, length=6), 10)
    questions = NextChoices(pieces, 40, AskingConfig(choices=100), 0)
    questions._drawn()
    drawn = len(questions.batches)
    seen_ = np.concatenate(questions.batches)
    assert len(seen_) == len(np.unique(seen_)) < len(pieces)
    assert drawn > 3


def test_products_begin_close_to_those_chosen_beside_them_or_described_alike() -> None:
    known = tastes(users=200, groups=4, size=10, length=6, cold=2)
    taste = np.arange(40) // 10
    text = np.eye(4, dtype=np.float32)[taste]
    for vectors, rows in ((start(known, None, 16, 0), known.warm), (start(known, text, 16, 0), ~known.warm)):
        unit = vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)
        close, same = unit @ unit.T, taste[rows][:, None] == taste[rows]
        assert close[same].mean() > 0.3 + close[~same].mean()
