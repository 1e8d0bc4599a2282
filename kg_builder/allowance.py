"""How many faulty rows may be left out before nothing is written."""

import math
from dataclasses import dataclass

from kg_builder.errors import BadRequest, TooManyFaults
from kg_builder.rejects import Rejects


@dataclass(frozen=True, slots=True)
class Allowance:
    """A number of rows, or a share of them."""

    number: float = math.inf
    share: float | None = None

    def __call__(self, rows: int | float) -> float:
        """How many of so many rows may be faulty."""
        return self.number if self.share is None else self.share * rows

    @property
    def any(self) -> bool:
        """Whether all may be."""
        return self.share is None and self.number == math.inf


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
            return Allowance()
        if number.endswith("%") and 0 <= float(number[:-1]) <= 100:
            return Allowance(share=float(number[:-1]) / 100)
        if int(number) >= 0:
            return Allowance(int(number))
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
        raise faulty(refused, most, rows)


def faulty(refused: Rejects, most: Allowance, rows: int, *, whole: bool = True) -> TooManyFaults:
    """The error that says so; `whole` where all rows were read."""
    of = f"{rows:,} rows" if whole else f"the first {rows:,} rows"
    may = f"{math.floor(most(rows)):,} may be" if whole or most.share is None else f"{100 * most.share:g}% of all may be"
    end = "nothing was written" if whole else "the rest was not read and nothing was written"
    return TooManyFaults(f"{refused.faults:,} of {of} are faulty, {may}; {end}; the first is {refused.first_faults(1)[0]}")
