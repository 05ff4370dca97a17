"""What every place that keeps features can be asked."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import pandas as pd


class SourceFailed(Exception):
    """The features cannot be read there; the message says why."""


class FeatureSource(Protocol):
    """A place that keeps features twice: their history for training, their present values for serving.

    `keys` has one row for each entity and a column for each key. Both answers carry those columns, and the features
    under the same names.
    """

    @property
    def name(self) -> str:
        """What stands in the comparison as its source."""
        ...

    def training(self, keys: pd.DataFrame, at: datetime) -> pd.DataFrame:
        """The features as training would have got them at that moment."""
        ...

    def serving(self, keys: pd.DataFrame) -> pd.DataFrame:
        """The features as a decision gets them now."""
        ...
