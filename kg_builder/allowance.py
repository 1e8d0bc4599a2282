"""How many faulty rows may be left out before nothing is written."""

import math
from collections.abc import Callable

from kg_builder.errors import BadRequest, TooManyFaults
from kg_builder.rejects import Rejects

Allowance = Callable[[int], float]
"""From the rows there are to the faulty ones that may be left out."""


def allowance(said: int | str | None) -> Allowance:
    """`100` of them, `"1%"` of them, or with None any number.

    Raises:
        BadRequest: it is neither a number nor a share.

    Example:
        >>> [allowance(said)(2000) for said in (7, "1%", None)]
        [7, 20.0, inf]
    """
    number = str(said).strip()
    try:
        if said is None:
            return lambda _rows: math.inf
        if number.endswith("%") and 0 <= float(number[:-1]) <= 100:
            return lambda rows: float(number[:-1]) / 100 * rows
        if int(number) >= 0:
            return lambda _rows: int(number)
    except ValueError:
        pass
    raise BadRequest(f"max_rejects must be a number of rows such as 100, or a share such as 1% (got {said!r})")


def check(refused: Rejects, most: Allowance) -> None:
    """Nothing happens, for no more rows are faulty than may be.

    Raises:
        TooManyFaults: more are.
    """
    rows = refused.faults + refused.passed
    if refused.faults > most(rows):
        raise TooManyFaults(
            f"{refused.faults:,} of {rows:,} rows are faulty, {math.floor(most(rows)):,} may be; nothing was written; "
            f"the first is {refused.first_faults(1)[0]}"
        )
