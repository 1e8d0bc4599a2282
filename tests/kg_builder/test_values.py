"""What a value says: texts, numbers, prices, moments, names."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.values import day, moment, number, price, property_name, text


def one(expression, value, dtype=pl.String):
    return pl.DataFrame({"x": [value]}, schema={"x": dtype}).select(expression(pl.col("x"))).item()


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("Arts &amp; Crafts", "Arts & Crafts"),
        ("&lt;b&gt;bold&lt;/b&gt; move", "bold move"),
        ("caf&eacute; &#8211; &#x42;", "café – B"),
        ("one<br/>two<p class='x'>three</p>", "one two three"),
        ("<script>var a = '<b>';</script>left", "left"),
        ("<style>.a{b:c}</style>", None),
        ("a < b and b > c", "a < b and b > c"),
        ("List<String> by <john@example.org>", "List<String> by <john@example.org>"),
        ("tab\tnew\nline\x00\u200b\u00a0end", "tab new line end"),
        ("  ", None),
        ("", None),
        (None, None),
        ("咖啡机 &amp; 杯", "咖啡机 & 杯"),
        ("AT&T; R&D", "AT&T; R&D"),
        ("Arts &amp;amp; Crafts &amp;lt;3 &amp;amp;eacute;", "Arts & Crafts <3 é"),
    ],
)
def test_text_is_without_html_and_control_characters(said, plain):
    assert one(text, said) == plain


@given(st.text())
def test_text_that_is_clean_stays(said):
    clean = one(text, said)
    if clean is not None and "&" not in clean and "<" not in clean:
        assert one(text, clean) == clean


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("$1,299.00", 1299.0),
        ("1.299,00 €", 1299.0),
        ("EUR 9,9", 9.9),
        ("£5", 5.0),
        ("12", 12.0),
        ("$5.00 - $7.50", 5.0),
        ("$1,234,567.89", 1234567.89),
        ("5 to 7", 5.0),
        ("free", None),
        ("-3", None),
        ("1.2.3", None),
        ("call 0800 12", None),
        (None, None),
        ("1.299 €", 1299.0),
        ("R$ 1.234.567", 1234567.0),
        ("$1.299", 1.299),
        ("CHF 1'299.00", 1299.0),
        ("1 299,00 €", 1299.0),
        ("Rs. 499", 499.0),
        ("1299 kr.", 1299.0),
        ("CDN$ 12.99", 12.99),
        ("12,-", 12.0),
        ("−5", None),
        ("$-5", None),
        ("(5.00)", None),
        ("50%", None),
    ],
)
def test_a_price_is_an_amount(said, amount):
    assert one(price, said) == amount


@pytest.mark.parametrize(
    ("said", "value"),
    [("1,234", 1234.0), (" 7 ", 7.0), ("-1.5e3", -1500.0), ("1,23", None), ("nan", None), ("inf", None), ("x", None), ("", None)],
)
def test_a_number_is_finite(said, value):
    assert one(number, said) == value


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1500000000, pl.Int64),
        (1500000000000, pl.Int64),
        (1500000000000000, pl.Int64),
        (1500000000.7, pl.Float64),
        ("1500000000", pl.String),
        ("1500000000.0", pl.String),
        ("1500000000123", pl.String),
        ("2017-07-14 02:40:00", pl.String),
        ("2017-07-14T02:40", pl.String),
        ("2017-07-14T02:40:00.250Z", pl.String),
        ("2017-07-13T21:40:00-05:00", pl.String),
        (datetime(2017, 7, 14, 2, 40), pl.Datetime("ms")),  # noqa: DTZ001
        (datetime(2017, 7, 14, 2, 40, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ],
)
def test_a_moment_is_epoch_seconds_in_utc(value, dtype):
    assert one(lambda column: moment(column, pl.DataFrame(schema={"x": dtype}).schema["x"]), value, dtype) == 1500000000


@pytest.mark.parametrize(("value", "dtype"), [(date(2017, 7, 14), pl.Date), ("2017-07-14", pl.String)])
def test_a_date_is_its_first_second(value, dtype):
    assert one(lambda column: moment(column, dtype()), value, dtype) == 1499990400


def test_what_is_no_moment_is_null():
    assert [one(lambda column: moment(column, pl.String()), said) for said in ("soon", "", None, "2017-13-45")] == [None] * 4


@given(st.integers(631152000, 4102444799))
def test_a_day_is_the_one_that_python_says(at):
    assert one(day, at, pl.Int64) == datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d")


@given(st.text())
def test_property_names_are_snake_case(name):
    import re

    assert re.fullmatch(r"[a-z][a-z0-9_]*", property_name(name))
