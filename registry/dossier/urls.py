"""Addresses of the dossier's pages, and of the law's."""

from django.urls import path, register_converter

from registry.dossier import views


class ItemConverter:
    """The id of a point, as the law's data has it: so that no other page below a dossier is taken for one."""

    regex = r"(?:annex|art)-[a-z0-9]+(?:\.[a-z0-9]+)*"

    def to_python(self, value: str) -> str:
        """The id as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Likewise."""
        return value


register_converter(ItemConverter, "point")

_POINT = "systems/<slug:slug>/dossier/<point:item>/"
urlpatterns = [
    path("law/", views.law, name="law"),
    path("law/<str:older>..<str:newer>/", views.law_difference, name="law_difference"),
    path("law/<str:day>/", views.law, name="law_of"),
    path("dossiers/waiting/", views.waiting, name="dossiers_waiting"),
    path("systems/<slug:slug>/dossier/", views.dossier, name="dossier"),
    path(_POINT, views.point, name="point"),
    path(f"{_POINT}write/", views.write, name="write_point"),
    path(f"{_POINT}documents/", views.attach, name="attach_document"),
    path(f"{_POINT}documents/<int:number>/withdraw/", views.withdraw, name="withdraw_document"),
    path("systems/<slug:slug>/documents/<int:number>/", views.document, name="document"),
]
