"""A frozen dossier as a PDF, printed from what was frozen and from the signatures alone."""

from __future__ import annotations

from collections.abc import Iterable

from portal.errors import Conflict
from portal.printing.press import NotPrinted
from registry.dossier.freezing.queries import frozen_content, signing_of
from registry.models import DossierSignature, FrozenDossier


def frozen_pdf(dossier: FrozenDossier, signatures: Iterable[DossierSignature] | None = None) -> bytes:
    """The PDF of everything that the dossier says, with the signatures as they stand; same dossier, same bytes.

    `Conflict` where it cannot be printed.
    """
    from registry.dossier.papers.printing import dossier_pdf

    try:
        return dossier_pdf(frozen_content(dossier), signing_of(dossier, signatures))
    except NotPrinted as error:
        raise Conflict(f"The dossier cannot be printed: {error}", code="not_printed") from None
