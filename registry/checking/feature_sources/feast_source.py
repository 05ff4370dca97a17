"""Features in Feast: its offline store for training, its online store for serving.

Feast holds pandas below 3, which the portal does not: this runs in an environment of its own, and nothing here but
the comparison is shared with the portal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from registry.checking.feature_sources.source import SourceFailed


@dataclass(frozen=True)
class FeastSource:
    """A feature service of a Feast repository (the folder with `feature_store.yaml`)."""

    repository: str
    service: str

    @property
    def name(self) -> str:
        """Feast's version and the feature service."""
        import feast

        return f"Feast {feast.__version__}, feature service {self.service}"

    def training(self, keys: pd.DataFrame, at: datetime) -> pd.DataFrame:
        """Point-in-time values from the offline store."""
        asked = keys.assign(event_timestamp=pd.Timestamp(at))
        return self._answer(lambda store, service: store.get_historical_features(asked, service), keys)

    def serving(self, keys: pd.DataFrame) -> pd.DataFrame:
        """Values from the online store."""
        rows = keys.to_dict(orient="records")
        return self._answer(lambda store, service: store.get_online_features(service, rows), keys)

    def _answer(self, ask: Any, keys: pd.DataFrame) -> pd.DataFrame:
        import feast

        try:
            store = feast.FeatureStore(repo_path=self.repository)
            table: pd.DataFrame = ask(store, store.get_feature_service(self.service)).to_df()
        # Feast's stores raise whatever their clients do.
        except Exception as error:  # noqa: BLE001
            raise SourceFailed(f"Feast refused: {type(error).__name__}: {str(error)[:200]}") from None
        return table.drop(columns=[name for name in ("event_timestamp", "created") if name in table.columns])
