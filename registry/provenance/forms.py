"""What people type into the page of trusted sources."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms

from registry.forms import ReasonForm
from registry.provenance.claims import KINDS
from registry.provenance.issuers import known_issuers

# The form's words for the claims that each kind of CI calls by names of its own.
CLAIMS = {
    "github": {
        "repository": "repository_id",
        "owner": "repository_owner_id",
        "ref": "ref",
        "workflow": "workflow_ref",
        "environment": "environment",
    },
    "gitlab": {
        "repository": "project_id",
        "owner": "namespace_id",
        "ref": "ref",
        "workflow": "ci_config_ref_uri",
        "environment": "environment",
    },
}


_NUMBER = r"^[0-9]{1,20}\Z"
_NO_NAME = {"invalid": "This must be the number, not the name."}


class SourceForm(ReasonForm):
    """A repository whose CI may vouch for the system's commits."""

    name = forms.CharField(max_length=160, label="Name", help_text="For people, such as acme/credit.")
    issuer = forms.ChoiceField(label="Where its CI runs")
    repository = forms.RegexField(
        _NUMBER,
        label="Id of the repository",
        error_messages=_NO_NAME,
        help_text="The number that GitHub or GitLab gave it (GitLab: project ID). A name could be taken over by"
        " somebody else; this number stays.",
    )
    owner = forms.RegexField(
        _NUMBER,
        label="Id of its owner",
        error_messages=_NO_NAME,
        help_text="The organisation's number (GitLab: group or namespace ID).",
    )
    ref = forms.CharField(
        max_length=255,
        required=False,
        label="Branch or tag",
        help_text="refs/heads/main on GitHub, main on GitLab. Left empty, a run on any branch may vouch.",
    )
    workflow = forms.CharField(
        max_length=255,
        required=False,
        label="Workflow",
        help_text="Such as acme/credit/.github/workflows/train.yml@refs/heads/main. Left empty, any workflow may.",
    )
    environment = forms.CharField(max_length=255, required=False, label="Deployment environment")
    field_order = ("name", "issuer", "repository", "owner", "ref", "workflow", "environment", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["issuer"].choices = [
            (name, f"{KINDS[issuer.kind].name} ({urlsplit(name).netloc or name})")
            for name, issuer in known_issuers().items()
        ]

    @property
    def source(self) -> dict[str, Any]:
        """Name, issuer, claims and reason, as the service takes them."""
        given = self.cleaned_data
        names = CLAIMS[known_issuers()[given["issuer"]].kind]
        claims = {claim: given[field] for field, claim in names.items() if given[field]}
        return {"name": given["name"], "issuer": given["issuer"], "claims": claims, "reason": given["reason"]}
