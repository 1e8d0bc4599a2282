"""Every error a user of graphrec can meet besides kg_builder's own.

GraphrecError
├── UnknownId        (KeyError)           a user or product that the model does not know
├── UnknownScorer    (ValueError)         a scorer's name with a typing mistake
├── UnknownSystem    (ValueError)         the same of a system that is to be compared
├── NothingToLearn   (ValueError)         a graph without interactions
├── BadRequest       (ValueError)         k = 0, no user and no history, an empty list of candidates …
├── ModelMissing     (FileNotFoundError)  no model was saved there
├── ModelDamaged     (ValueError)         a model folder that does not hold together
├── NotEnoughMemory  (MemoryError)        what was asked for surely needs more memory than is free
└── TextModelMissing (FileNotFoundError)  the weights of the text model cannot be had
"""


class GraphrecError(Exception):
    """Root of the tree: catch it to catch all of graphrec's own errors."""


class UnknownId(GraphrecError, KeyError):
    """A user or product that the model does not know."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnknownScorer(GraphrecError, ValueError):
    """No scorer has this name."""


class UnknownSystem(GraphrecError, ValueError):
    """No system that can be compared has this name."""


class NothingToLearn(GraphrecError, ValueError):
    """The graph holds no interactions a model could learn from."""


class BadRequest(GraphrecError, ValueError):
    """A question that has no answer as it is put."""


class ModelMissing(GraphrecError, FileNotFoundError):
    """No model was saved at this place."""


class ModelDamaged(GraphrecError, ValueError):
    """A model folder that does not hold together."""


class NotEnoughMemory(GraphrecError, MemoryError):
    """What was asked for surely needs more memory than is free; said before any is taken."""


class TextModelMissing(GraphrecError, FileNotFoundError):
    """The weights of the text model cannot be had."""
