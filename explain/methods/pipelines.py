"""A scikit-learn pipeline as (encoder, last step): what the exact linear and tree methods start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.methods.blocks import quick_encoder
from explain.methods.columns import check_owners, dense, owners_of
from explain.methods.subject import Matrix, Subject


@dataclass(frozen=True)
class Encoded:
    """`encode` turns code rows into what `final` reads; `owners[j]` is the raw input behind encoded column
    j."""

    final: Any
    encode: Callable[[Matrix], Matrix]
    owners: NDArray[np.intp]

    def final_rows(self, codes: Matrix) -> Any:
        """Encoded rows in the shape that the last step was fitted on."""
        return self.named(self.encode(codes))

    def named(self, rows: Matrix) -> Any:
        """Encoded rows under the names that the last step was fitted with, if it was."""
        names = getattr(self.final, "feature_names_in_", None)
        return rows if names is None else pd.DataFrame(rows, columns=names)


def split_pipeline(subject: Subject) -> Encoded:
    """Take the last step off and attribute the columns it reads; refuses when that cannot be done surely."""
    native = subject.scorer.native
    steps = [step for _, step in native.steps] if hasattr(native, "steps") else [native]
    before, final = [step for step in steps[:-1] if step is not None and step != "passthrough"], steps[-1]
    wanted = getattr(native, "feature_names_in_", None)
    columns = list(subject.names) if wanted is None else [str(name) for name in wanted]

    def encode(codes: Matrix) -> Matrix:
        # What was fitted without column names is fed codes by the scorer, too.
        rows: Any = codes if wanted is None else subject.frame(codes)[columns]
        for step in before:
            rows = step.transform(rows)
        return dense(rows)

    position = {name: index for index, name in enumerate(subject.names)}
    raw = np.asarray([position[name] for name in columns], dtype=np.intp)
    owners = raw[owners_of(before, columns)]
    quick = quick_encoder(subject, before, encode, owners)
    check_owners(quick, owners, subject)
    return Encoded(final, quick, owners)
