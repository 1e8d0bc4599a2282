"""Purchases without what the customer gave back: a cancellation is taken off the latest purchases before it."""

from collections.abc import Iterable, Mapping

import polars as pl

from kg_builder.rejects import Sieve
from kg_builder.values import moment, none_if_empty

_PAIR = ["user", "product"]
_LEAST = 1e-9
"""Less than this is nothing left of a quantity."""


def netted(lines: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """The purchases, each with what was not given back; only what a customer cancelled anything of is put in order.

    A purchase of which nothing is left, and a cancellation that finds nothing (or less than it wants) bought before it, go to the
    rejects as no fault; how many cancellations were taken off is noted. Of the same moment, purchases come first. The order of
    the rows does not count.

    Args:
        lines: with the columns user, product, key, quantity, price, at (text), `__quantity` (a number or null) and `__back`
            (true for a cancellation).
        sieve: takes the rows that are left out.
    """
    lines = lines.with_columns(moment(pl.col("at"), pl.String()).alias("__at"))
    faulty = _unread("at") | _unread("quantity")
    refused, lines = lines.filter(faulty), lines.filter(~faulty)
    pairs = lines.filter("__back").select(_PAIR).unique().collect(engine="streaming").lazy()
    untouched = lines.join(pairs, on=_PAIR, how="anti", nulls_equal=True)
    several = lines.join(pairs, on=_PAIR, how="semi", nulls_equal=True).collect(engine="streaming")
    ordered = _ordered(several)
    left = pl.Series("__left", _left(ordered.select(*_PAIR, "__back", "__amount").iter_rows()), dtype=pl.Float64)
    ordered = ordered.with_columns(left)
    _tell(ordered, sieve)
    changed = pl.col("__left") != pl.col("__amount")
    quantity = pl.when(changed).then(pl.col("__left").cast(pl.String)).otherwise(pl.col("quantity"))
    kept = ordered.filter(~pl.col("__back") & ((pl.col("__left") > 0) | ~changed)).with_columns(quantity.alias("quantity"))
    return pl.concat([untouched, kept.select(untouched.collect_schema().names()).lazy(), refused])


def _unread(name: str) -> pl.Expr:
    """True where a time or quantity cannot be read: such a row takes nothing back, and is refused when it is cleaned."""
    return none_if_empty(pl.col(name)).is_not_null() & pl.col(f"__{name}").is_null()


def _ordered(lines: pl.DataFrame) -> pl.DataFrame:
    """Each pair's lines in time's order with `__amount`; of unknown time, purchases come first and cancellations last."""
    back, many = pl.col("__back"), pl.col("__quantity")
    amount = pl.when(back).then(many.abs().fill_null(0)).otherwise(many.fill_null(1))
    unknown = pl.when(back).then(pl.lit(1 << 62)).otherwise(pl.lit(-1))
    timed = lines.with_columns(amount.alias("__amount"), pl.col("__at").fill_null(unknown))
    return timed.sort(*_PAIR, "__at", "__back", "key", "__amount", "price", nulls_last=True)


def _left(rows: Iterable[tuple[str, str, bool, float]]) -> list[float]:
    """What is left of each purchase, and of each cancellation what it could not take off; rows come as `_ordered` puts them."""
    left: list[float] = []
    pair: tuple[str, str] | None = None
    stock: list[int] = []
    for place, (user, product, back, amount) in enumerate(rows):
        if (user, product) != pair:
            pair, stock = (user, product), []
        left.append(amount)
        if not back and amount > 0:
            stock.append(place)
        while back and stock and left[place] > 0:
            taken = min(left[place], left[stock[-1]])
            left[place], left[stock[-1]] = _rest(left[place], taken), _rest(left[stock[-1]], taken)
            if not left[stock[-1]]:
                stock.pop()
    return left


def _rest(amount: float, taken: float) -> float:
    return 0.0 if amount - taken < _LEAST else amount - taken


def _tell(ordered: pl.DataFrame, sieve: Sieve) -> None:
    """Purchases that are none any more, and cancellations of nothing, are in the rejects: no faults."""
    back, left, amount = pl.col("__back"), pl.col("__left"), pl.col("__amount")
    reasons: Mapping[str, pl.Expr] = {
        "the purchase was cancelled later": ~back & (left == 0) & (amount > 0),
        "the cancellation has no earlier purchase": back & (left == amount),
        "the cancellation takes back more than was bought before": back & (left > 0) & (left < amount),
    }
    used = ordered.filter(back & (left < amount)).height
    if used:
        lines = "1 cancellation was" if used == 1 else f"{used:,} cancellations were"
        sieve.rejects.note(f"{lines} taken off what the customer had bought of the product before")
    for reason, rows in reasons.items():
        sieve.spare(ordered.filter(rows).lazy(), reason, "key")
