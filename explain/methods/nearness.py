"""How far apart two people are, by what a model knows of them: Gower's distance over raw inputs."""

from __future__ import annotations

import numpy as np

from explain.methods.subject import Matrix, Subject, differs


def spread(subject: Subject) -> Matrix:
    """Scale of each column: from the 5th to the 95th percentile, so that outliers do not shrink distances."""
    scale = np.ones(len(subject.names))
    for index in range(len(subject.names)):
        column = subject.codes[:, index]
        column = column[~np.isnan(column)]
        if len(column) and not subject.is_discrete(index):
            scale[index] = np.subtract(*np.percentile(column, [95, 5])) or np.ptp(column) or 1.0
    return scale


def steps(subject: Subject, rows: Matrix, codes: Matrix) -> Matrix:
    """Distance of each input of `rows` from one code row: categories count 0 or 1, numbers by their spread, and
    missing against present 1; shape as `rows`."""
    discrete = np.asarray([subject.is_discrete(index) for index in range(len(codes))])
    size = np.nan_to_num(np.abs(rows - codes) / spread(subject), nan=1.0)
    return np.where(differs(rows, codes), np.where(discrete, 1.0, size), 0.0)


def distance(subject: Subject, rows: Matrix, codes: Matrix) -> Matrix:
    """Distance of each of `rows` from one code row, shape (rows,)."""
    return np.asarray(steps(subject, rows, codes).sum(axis=1))
