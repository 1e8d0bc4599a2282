"""What can be compared, and what of each can be tuned: ranges around the values that its makers chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphrec import scorers
from graphrec.errors import UnknownSystem
from kg_builder.errors import did_you_mean

Settings = Mapping[str, Any]
OWN = "graphrec"
BLEND = "blend"
FLOOR = "popularity"


@dataclass(frozen=True, slots=True)
class Knob:
    """A number that can be tuned."""

    low: float
    high: float
    start: float
    """The makers' own choice, which every tuning tries first."""
    log: bool = True
    """Whether twice as much matters as much anywhere in the range."""
    step: int = 1
    """Of whole numbers, those that lie so far apart from `low`; above 1 only without `log`."""

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Knobs = Mapping[str, Knob]


@dataclass(frozen=True, slots=True)
class System:
    """One row of the table."""

    name: str
    family: str
    """`graphrec`, or the package that a peer comes from."""
    knobs: Knobs

    @property
    def defaults(self) -> Settings:
        """The makers' settings."""
        return {name: knob.start for name, knob in self.knobs.items()}


_OWN_KNOBS: Mapping[str, Knobs] = {
    "linear": {"penalty": Knob(10.0, 5000.0, 150.0)},
    "graph": {
        "dim": Knob(32, 128, 64),
        "layers": Knob(1, 3, 2, log=False),
        "keep": Knob(0.3, 0.9, 0.7, log=False),
        "temperature": Knob(0.05, 0.4, 0.15),
        "learning_rate": Knob(0.005, 0.05, 0.02),
        "steps": Knob(50, 300, 150),
    },
}
_NEIGHBOURS = Knob(5, 500, 20)
_PEER_KNOBS: Mapping[str, Knobs] = {
    "implicit-als": {
        "factors": Knob(16, 256, 100),
        "regularization": Knob(0.001, 10.0, 0.01),
        "alpha": Knob(0.1, 100.0, 1.0),
        "iterations": Knob(5, 40, 15),
    },
    "implicit-bpr": {
        "factors": Knob(16, 256, 100),
        "learning_rate": Knob(0.001, 0.2, 0.01),
        "regularization": Knob(0.0001, 0.1, 0.01),
        "iterations": Knob(20, 400, 100),
    },
    "implicit-lmf": {
        "factors": Knob(8, 128, 30),
        "learning_rate": Knob(0.1, 2.0, 1.0),
        "regularization": Knob(0.01, 10.0, 0.6),
        "iterations": Knob(10, 60, 30),
        "neg_prop": Knob(5, 50, 30),
    },
    "implicit-cosine": {"K": _NEIGHBOURS},
    "implicit-tfidf": {"K": _NEIGHBOURS},
    "implicit-bm25": {"K": _NEIGHBOURS, "K1": Knob(0.05, 100.0, 1.2), "B": Knob(0.0, 1.0, 0.75, log=False)},
    "lenskit-ease": {"regularization": Knob(1.0, 5000.0, 1.0)},
    "lenskit-slim": {"l1_reg": Knob(0.01, 20.0, 1.0), "l2_reg": Knob(0.01, 100.0, 1.0)},
    "lenskit-itemknn": {"max_nbrs": _NEIGHBOURS},
    "lenskit-als": {
        "embedding_size": Knob(16, 256, 64),
        "epochs": Knob(5, 40, 10),
        "regularization": Knob(0.001, 10.0, 0.1),
        "weight": Knob(1.0, 100.0, 40.0),
    },
    "lenskit-bpr": {
        "embedding_size": Knob(16, 256, 64),
        "epochs": Knob(5, 100, 10),
        "learning_rate": Knob(0.001, 0.1, 0.01),
        "regularization": Knob(0.0001, 0.1, 0.01),
    },
    "lenskit-lightgcn": {
        "embedding_size": Knob(16, 128, 64),
        "layer_count": Knob(1, 4, 2, log=False),
        "epochs": Knob(5, 100, 10),
        "learning_rate": Knob(0.001, 0.1, 0.01),
    },
    "rectools-ease": {"regularization": Knob(1.0, 5000.0, 500.0)},
    "rectools-puresvd": {"factors": Knob(8, 512, 10)},
    "rectools-sasrec": {
        "n_factors": Knob(32, 256, 256, log=False, step=32),  # its heads, 4, must share them alike
        "n_blocks": Knob(1, 3, 2, log=False),
        "dropout_rate": Knob(0.05, 0.6, 0.2, log=False),
        "lr": Knob(0.0002, 0.01, 0.001),
        "epochs": Knob(3, 50, 3),
    },
    "recbole-lightgcn": {
        "embedding_size": Knob(16, 128, 64),
        "n_layers": Knob(1, 4, 2, log=False),
        "learning_rate": Knob(0.0005, 0.02, 0.001),
        "reg_weight": Knob(0.000001, 0.01, 0.00001),
        "epochs": Knob(20, 300, 100),
    },
}
FAMILIES = tuple(dict.fromkeys(name.split("-")[0] for name in _PEER_KNOBS))
"""The packages that peers come from."""


def names() -> list[str]:
    """Everything that can be compared.

    Example:
        >>> {"blend", "popularity", "implicit-als"} <= set(names())
        True
    """
    return [BLEND, *scorers.names(), *_PEER_KNOBS]


def system(name: str) -> System:
    """The system of this name.

    Raises:
        UnknownSystem: there is none; says which comes close.

    Example:
        >>> system("implicit-als").family, system("linear").defaults
        ('implicit', {'penalty': 150.0})
    """
    if name not in names():
        raise UnknownSystem(f"no system {name!r}{did_you_mean(name, names()) or ';'} known: {', '.join(names())}")
    if name in _PEER_KNOBS:
        return System(name, name.split("-")[0], _PEER_KNOBS[name])
    return System(name, OWN, _OWN_KNOBS.get(name, {}))
