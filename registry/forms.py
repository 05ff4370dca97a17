"""What people type into the registry's pages."""

from __future__ import annotations

from django import forms
from django.conf import settings

from portal.errors import Problem, Refusal
from portal.forms import cleaned
from registry.intake import MAX_MANIFEST_BYTES, MAX_SAMPLE_BYTES, Upload
from registry.models import Strategy


class ReasonForm(forms.Form):
    """Why somebody makes a move; kept in the trail."""

    reason = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the trail for good."
    )


class ReleaseForm(ReasonForm):
    """Make a version live."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    expected_release = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    strategy = forms.ChoiceField(
        choices=[(Strategy.DIRECT.value, "Direct"), (Strategy.BLUE_GREEN.value, "Blue-green")],
        initial=Strategy.DIRECT.value,
    )


class RollbackForm(ReasonForm):
    """Return production to the last stable version."""

    expected_release = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def _file(label: str, help_text: str, most: int, *, required: bool = False) -> forms.FileField:
    """A file of at most so many bytes; the browser says so before it sends it, where scripts run."""
    widget = forms.FileInput(attrs={"data-max-bytes": most})
    return forms.FileField(label=label, help_text=help_text, required=required, widget=widget)


class VersionForm(forms.Form):
    """The parts of a new version. What is wrong with them is the intake's to say; `show` puts it at their fields."""

    manifest = forms.CharField(
        required=False,
        label="Manifest",
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "code"}),
        help_text="What the model is, what it reads and what its answer means, as JSON. Add training_data, image,"
        " source and metrics where you know them.",
    )
    manifest_file = _file("Manifest as a file", "Instead of the text above.", MAX_MANIFEST_BYTES)
    artifact = _file(
        "Artifact",
        "skops, XGBoost, LightGBM or ONNX; never a pickle. None for a model that is served elsewhere (format remote).",
        settings.ARTIFACT_MAX_BYTES,
    )
    background = _file(
        "Background sample",
        "Rows of the training data, at most 1,000, as CSV or Parquet: explanations compare with them.",
        MAX_SAMPLE_BYTES,
        required=True,
    )
    evaluation = _file(
        "Evaluation sample",
        "Held-out rows with a column “label” that says what was true, at most 100,000. Metrics are computed on them.",
        MAX_SAMPLE_BYTES,
    )
    golden = _file(
        "Golden rows",
        "Rows with a column “score”, as your own environment scored them, at most 1,000. They must come out the same.",
        MAX_SAMPLE_BYTES,
    )

    @property
    def upload(self) -> Upload:
        """The parts as they came."""
        if "manifest_file" in self.files:
            manifest = self.files["manifest_file"].read()
        else:
            # Browsers write line breaks their own way.
            manifest = self.data.get("manifest", "").replace("\r\n", "\n").encode() or None
        names = ("artifact", "background", "evaluation", "golden")
        return Upload(manifest, **{name: self.files[name].file for name in names if name in self.files})

    def show(self, refusal: Refusal) -> None:
        """The refusal at the fields that it is about."""
        self.full_clean()
        by_code = refusal.code.partition("_")[0]
        for path, problem in refusal.details or [Problem("", refusal.message)]:
            root, _, rest = path.partition(".")
            field = root if root in self.fields else by_code if by_code in self.fields else None
            words = f"{rest or path}: {problem}" if path not in ("", field) else problem
            if field is None or path != field or field not in self.errors:
                self.add_error(field, words)


def reason_of(form: ReasonForm) -> str:
    """The reason that was given; `Invalid` as `cleaned` says."""
    return cleaned(form)["reason"]
