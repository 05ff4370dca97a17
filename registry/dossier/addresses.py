"""How a point of the law stands in an address."""

from django.urls import register_converter


class PointConverter:
    """The id of a point, as the law's data has it: so that no other page below a dossier is taken for one."""

    regex = r"(?:annex|art)-[a-z0-9]+(?:\.[a-z0-9]+)*"

    def to_python(self, value: str) -> str:
        """The id as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Likewise."""
        return value


register_converter(PointConverter, "point")
POINT = "systems/<slug:slug>/dossier/<point:item>/"
