"""What is left of purchases after cancellations, against a slow reading of the rule."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_builder.layouts.netting import netted
from kg_builder.rejects import Rejects, Sieve

COLUMNS = {"user": pl.String(), "product": pl.String(), "key": pl.String(), "quantity": pl.String(), "price": pl.String()}
LINE = st.tuples(st.sampled_from("uv"), st.sampled_from("pq"), st.integers(-6, 6), st.integers(0, 8))


def lines(*rows):
    """(user, product, quantity, hour) each on an invoice of its own."""
    table = pl.DataFrame(
        [
            (user, product, f"{number}", str(many), "1", None if hour is None else f"2011-01-01T{hour:02}:00:00")
            for number, (user, product, many, hour) in enumerate(rows)
        ],
        schema={**COLUMNS, "at": pl.String()},
        orient="row",
    )
    many = pl.col("quantity").cast(pl.Float64)
    return table.with_columns(many.alias("__quantity"), (many < 0).alias("__back"))


def left(table, rejects=None):
    found = netted(table.lazy(), Sieve(Rejects() if rejects is None else rejects)).collect()
    return {key: float(many) for key, many in found.select("key", "quantity").rows()}


def oracle(table):
    """Unit by unit: every unit cancelled removes one unit of the last purchase before it."""
    rest = {}
    for user, product in set(table.select("user", "product").rows()):
        own = table.filter(user=user, product=product).sort("at", "__back", "key", "__quantity").rows(named=True)
        # Invoices of the same hour follow each other by their number's text, as `netted` orders them.
        units = []
        for row in own:
            many = int(row["__quantity"])
            if many > 0:
                units += [row["key"]] * many
            else:
                del units[max(0, len(units) + many) :]
            if many == 0:
                rest[row["key"]] = 0.0
        for key in units:
            rest[key] = rest.get(key, 0.0) + 1
    return rest


@settings(deadline=None)
@given(st.lists(LINE, max_size=14))
def test_what_is_left_is_what_the_rule_leaves_unit_by_unit(rows):
    table = lines(*rows)
    assert left(table) == oracle(table)


@settings(deadline=None)
@given(st.lists(LINE, max_size=14), st.integers(0, 5))
def test_shuffled_lines_leave_the_same_and_refuse_as_many(rows, seed):
    table, one, other = lines(*rows), Rejects(), Rejects()
    assert left(table, one) == left(table.sample(fraction=1, shuffle=True, seed=seed), other)
    assert one.counts() == other.counts()


def test_the_latest_purchase_before_the_cancellation_is_taken_back_first():
    table = lines(("u", "p", 5, 1), ("u", "p", 5, 2), ("u", "p", -3, 3), ("u", "p", 5, 4))
    assert left(table) == {"0": 5, "1": 2, "3": 5}


def test_a_cancellation_reaches_back_over_several_purchases():
    rejects = Rejects()
    assert left(lines(("u", "p", 5, 1), ("u", "p", 5, 2), ("u", "p", -8, 3)), rejects) == {"0": 2}
    assert rejects.counts() == {"the purchase was cancelled later": 1}
    assert rejects.notes == ["1 cancellation was taken off what the customer had bought of the product before"]


def test_a_cancellation_before_every_purchase_takes_nothing_back():
    rejects = Rejects()
    assert left(lines(("u", "p", -2, 1), ("u", "p", 2, 2)), rejects) == {"1": 2}
    assert rejects.counts() == {"the cancellation has no earlier purchase": 1}
    assert rejects.faults == 0


def test_a_cancellation_of_another_customer_or_product_takes_nothing_back():
    assert left(lines(("u", "p", 2, 1), ("v", "p", -2, 2), ("u", "q", -2, 2))) == {"0": 2}


def test_more_taken_back_than_was_bought_is_told():
    rejects = Rejects()
    assert left(lines(("u", "p", 2, 1), ("u", "p", -3, 2)), rejects) == {}
    assert rejects.counts() == {
        "the purchase was cancelled later": 1,
        "the cancellation takes back more than was bought before": 1,
    }


def test_without_any_time_purchases_come_before_cancellations():
    assert left(lines(("u", "p", -1, None), ("u", "p", 3, None))) == {"1": 2}


def test_a_cancellation_at_an_unreadable_time_is_left_to_the_cleaning():
    table = lines(("u", "p", 2, 1), ("u", "p", -2, 2)).with_columns(
        pl.when(pl.col("key") == "1").then(pl.lit("soon")).otherwise("at").alias("at")
    )
    assert left(table) == {"0": 2, "1": -2}
