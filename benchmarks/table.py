"""The lines that the benchmarks of the builder print: what was measured beside what is needed at least."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: float
    floor: float
    """Of a named peer or of the bare work, in the same run; 0 where there is none."""
    unit: str
    target: str

    def __str__(self) -> str:
        floor = f"{self.floor:14,.1f} {self.ours / self.floor:7.2f}" if self.floor else f"{'-':>14} {'-':>7}"
        return f"{self.what:<62} {self.ours:14,.1f} {floor}  {self.unit:<8} {self.target}"


HEADER = f"{'':<62} {'ours':>14} {'floor':>14} {'ratio':>7}  {'unit':<8} target"
