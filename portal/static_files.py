"""Plotly's script, served from its Python package: the same build that the reports use, and no copy in the tree."""

from __future__ import annotations

from pathlib import Path

import plotly
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

_NAME = "plotly/plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Finds exactly one file, `plotly/plotly.min.js`."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.file = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

    def find(self, path: str, find_all: bool = False, **kwargs: object) -> str | list[str]:
        """The file's path for that one name, nothing for any other."""
        found = [str(self.file)] if path == _NAME else []
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: object) -> object:
        """The one file, for `collectstatic`."""
        storage = FileSystemStorage(location=str(self.file.parent))
        storage.prefix = "plotly"
        yield self.file.name, storage
