"""Mixtures of Gaussians with a diagonal spread, fitted the same way every time: what moments of one voice are like."""

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

_MEANS_ROUNDS, _ROUNDS = 8, 15
_FAR: Final = 0.95
"""A first mean is so far out among what is left: the very farthest is an outlier."""
_SPREAD_ROWS, _MEAN_ROWS = 40.0, 4.0
"""So many rows pull each component to the spread of all rows, and to where its mean was: voices of a few seconds."""
_LEAST_SPREAD: Final = 0.05


@final
class Mixture:
    """How likely rows (N, X) are, after those that it was fitted to."""

    def __init__(self, rows_NX: Rows, num_components: int) -> None:
        start_KX = _first_means(rows_NX, num_components)
        spread_X = rows_NX.var(axis=0) + 1e-3
        self._mean_KX = start_KX
        self._var_KX = np.tile(spread_X, (num_components, 1))
        self._log_weight_K = np.full(num_components, -np.log(num_components))
        for _ in range(_ROUNDS):
            self._refine(rows_NX, spread_X)

    def log_likelihood(self, rows_NX: Rows) -> NDArray[np.float64]:
        """Of each row, up to a constant that is the same for all mixtures."""
        joint_NK = self._joint(rows_NX)
        most_N = joint_NK.max(axis=1)
        return most_N + np.log(np.exp(joint_NK - most_N[:, None]).sum(axis=1))

    def _joint(self, rows_NX: Rows) -> NDArray[np.float64]:
        sharp_KX = 1 / self._var_KX
        square_NK = (rows_NX**2) @ sharp_KX.T - 2 * rows_NX @ (self._mean_KX * sharp_KX).T
        constant_K = (self._mean_KX**2 * sharp_KX + np.log(self._var_KX)).sum(axis=1)
        return self._log_weight_K - 0.5 * (square_NK + constant_K)

    def _refine(self, rows_NX: Rows, spread_X: NDArray[np.float64]) -> None:
        """One round of expectation and maximisation."""
        joint_NK = self._joint(rows_NX)
        share_NK = np.exp(joint_NK - joint_NK.max(axis=1, keepdims=True))
        share_NK /= share_NK.sum(axis=1, keepdims=True)
        count_K1 = share_NK.sum(axis=0)[:, None] + 1e-6
        mean_KX = share_NK.T @ rows_NX / count_K1
        var_KX = np.maximum(share_NK.T @ rows_NX**2 / count_K1 - mean_KX**2, 0)
        self._log_weight_K = np.log((count_K1[:, 0] + 1) / (count_K1.sum() + count_K1.shape[0]))
        self._mean_KX = (mean_KX * count_K1 + _MEAN_ROWS * self._mean_KX) / (count_K1 + _MEAN_ROWS)
        var_KX = (var_KX * count_K1 + _SPREAD_ROWS * spread_X) / (count_K1 + _SPREAD_ROWS)
        self._var_KX = np.maximum(var_KX, _LEAST_SPREAD * spread_X)


def _first_means(rows_NX: Rows, num_components: int) -> Rows:
    """Means that lie apart, by k-means from rows that do."""
    found = [rows_NX[((rows_NX - rows_NX.mean(axis=0)) ** 2).sum(axis=1).argmin()]]
    apart_N = ((rows_NX - found[0]) ** 2).sum(axis=1)
    for _ in range(num_components - 1):
        found.append(rows_NX[np.argsort(apart_N, kind="stable")[int(_FAR * len(apart_N))]])
        apart_N = np.minimum(apart_N, ((rows_NX - found[-1]) ** 2).sum(axis=1))
    mean_KX = np.array(found)
    for _ in range(_MEANS_ROUNDS):
        nearest_N = ((mean_KX**2).sum(axis=1) - 2 * rows_NX @ mean_KX.T).argmin(axis=1)
        for index in range(num_components):
            if (nearest_N == index).any():
                mean_KX[index] = rows_NX[nearest_N == index].mean(axis=0)
    return mean_KX
