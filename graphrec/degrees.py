"""Who chose what, counted both ways: what scorers share that keep the whole matrix."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.tensors import Floats


class Degrees:
    """What follows from `chosen`, worked out once."""

    chosen: sp.csr_matrix
    """[users, products] float32 ones: who chose what."""

    @cached_property
    def choosers(self) -> sp.csr_matrix:
        """[products, users] the transpose of `chosen`."""
        return self.chosen.T.tocsr()

    @cached_property
    def lengths(self) -> Floats:
        """[users] how many products each chose, at least 1."""
        return np.maximum(np.diff(self.chosen.indptr), 1).astype(np.float32)

    @cached_property
    def degrees(self) -> Floats:
        """[products] how many chose each, at least 1."""
        return np.maximum(np.diff(self.choosers.indptr), 1).astype(np.float32)

    @cached_property
    def warm(self) -> npt.NDArray[np.bool_]:
        """[products] True where somebody chose the product."""
        return np.asarray(np.diff(self.choosers.indptr) > 0)
