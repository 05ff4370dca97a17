"""The expert report: everything that a finished explanation holds, and its place in the trail, as a PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import audit.proofs as log
import audit.queries as trail
import registry.queries as registry
from audit.models import Entry
from explain import charts
from explain.models import Explanation
from explain.telling import Reason, protected_used, titles_of
from portal.errors import Conflict
from portal.printing.press import print_spelt_out
from portal.templatetags.portal_tags import exact, number, percent, signed, who
from registry.models import Version
from registry.scoring.manifest import Manifest

Block = dict[str, Any]
Telling = Callable[[Mapping[str, Any], Manifest], Sequence[Reason]]
LAYOUT = Path(__file__).resolve().parent / "layouts" / "report.typ"


def report_pdf(
    explanation: Explanation, report: Mapping[str, Any] | None, *, tell: Telling, now: datetime
) -> bytes:
    """The PDF of a report, embedded as JSON. `Conflict` while there is none, or after it was erased.

    `tell` puts compliance's wording beside the report's reasons; the report itself stays as it is.
    """
    if explanation.erased_on:
        raise Conflict("The report was erased with the person's data.", code="erased")
    if report is None:
        raise Conflict(f"The explanation is {explanation.state}: there is no report yet.", code="not_finished")
    version = registry.version_that_decided(explanation.system, explanation.version)
    decision = Entry.objects.defer("entry").get(pk=explanation.decision_id)
    content = {
        "title": f"Why this answer: {explanation.system}, version {explanation.version}",
        "language": "en",
        "lede": f"Expert report on decision {explanation.decision_id}, printed {exact(now)}.",
        "footer": f"Countersign, report {str(explanation.report_sha256)[:16]}",
        "blocks": list(_blocks(explanation, report, version, decision, tell(report, version.spec))),
    }
    return print_spelt_out(LAYOUT, content, at=now, attached=dict(report))


def _blocks(
    explanation: Explanation,
    report: Mapping[str, Any],
    version: Version,
    decision: Entry,
    reasons: Sequence[Reason],
) -> Iterable[Block]:
    told = charts.report_context(dict(report), version.spec)
    yield from _summary(report, told, decision)
    yield from _plainly(report, told, reasons, titles_of(protected_used(report, version.spec), version.spec))
    yield from _line(report, told)
    yield from _shap(report, told)
    yield from _lime(report, told)
    yield from _alternatives(told)
    yield _heading("What the reader must know")
    yield _list(report["disclosures"])
    yield from _making(explanation, report, version)
    yield from _proof(explanation, decision)


def _summary(report: Mapping[str, Any], told: Mapping[str, Any], decision: Entry) -> Iterable[Block]:
    output = trail.output_of(decision.id) or {}
    replay, agreement = report["replay"], report["agreement"]
    compared = "not compared"
    if agreement:
        compared = (
            f"{agreement['verdict']}: {percent(agreement['sign_agreement'], 0)} of the signs agree, "
            f"{percent(agreement['top3_overlap'], 0)} of the top three, "
            f"rank correlation {number(agreement['rank_correlation'], 2)}"
        )
    yield _facts(
        ("Answer", _answer(output)),
        ("Decided", f"{exact(decision.at)}, {decision.mode}"),
        ("Threshold", "none: the answer is a value" if told["is_value"] else number(report["threshold"], 4)),
        ("Replay", f"{replay['verdict']}: recorded {number(replay['recorded'], 9)}, "
         f"made again {number(replay['recomputed'], 9)}"),
        ("Two methods", compared),
        ("Completeness", report["completeness"]),
    )  # fmt: skip
    if told["problems"]:
        yield _list(told["problems"])


def _plainly(
    report: Mapping[str, Any], told: Mapping[str, Any], reasons: Sequence[Reason], protected: Sequence[str]
) -> Iterable[Block]:
    yield _heading("In plain words")
    for title in protected:
        yield _note(f"The model used a protected characteristic: {title}. It is not among the reasons.")
    nothing = f"No input that may be given as a reason pushed towards {told['adverse_label']}."
    lines = [f"{reason.sentence} [{reason.line}]" if reason.sentence else reason.line for reason in reasons]
    yield _list(lines or [nothing])
    worded = [reason.wording for reason in reasons if reason.wording]
    if worded:
        which = "; ".join(f"“{each.title}”, version {each.number} by {who(each.by)}" for each in worded)
        yield _note(f"Before brackets stands the wording of compliance ({which}), in brackets the report's own line.")
    agreement = report["agreement"]
    if agreement and agreement["verdict"] == "disagree":
        yield _note("The two methods disagree: do not quote the order of the reasons.")


def _line(report: Mapping[str, Any], told: Mapping[str, Any]) -> Iterable[Block]:
    seen, scale = told["from_line"], told["scale"]
    if seen is None:
        return
    yield _heading("From the line")
    yield _text(
        f"The answer turns at {number(report['threshold'], 4)}. The comparison starts {_side(seen['start'])} the line "
        f"by {number(seen['start_far'], scale.digits)} {scale.short}, this case lies {_side(seen['answer'])} it by "
        f"{number(seen['answer_far'], scale.digits)}."
    )
    needed = [_marked(item) for item in told["needed"]]
    if needed:
        yield _text(f"The fewest pushes without which the answer would be the other one: {', '.join(needed)}.")


def _shap(report: Mapping[str, Any], told: Mapping[str, Any]) -> Iterable[Block]:
    shap, scale = report["shap"], told["scale"]
    yield _heading("What each input did (SHAP)")
    if not shap:
        yield _note("This part is not there.")
        return
    rows = told["shap_rows"]
    largest = max((abs(row["push"]) for row in rows), default=0) or 1
    yield {
        "kind": "pushes",
        "towards": told["adverse_label"],
        "away": told["favourable_label"],
        "rows": [
            {"title": _marked(row), "share": 100 * row["push"] / largest, "words": signed(row["push"], scale.digits)}
            for row in rows
            if row["contribution"]
        ],
    }
    yield _table(
        ("Input", "Value", "Push", "±", "Share", "In the method's own space"),
        [
            (
                _marked(row),
                number(row["value"]),
                signed(row["push"], scale.digits),
                number(row["error"], 2) if row["error"] else "",
                percent(row["share"], 1),
                signed(row["contribution"], 6),
            )
            for row in rows
        ],
    )
    yield _text(
        f"Pushes in {scale.words}; plus towards “{told['adverse_label']}”. Method {shap['method']} over "
        f"{number(shap['background_rows'])} people. In {report['output_space'].replace('_', '-')}: start "
        f"{number(shap['base_value'], 9)}, answer {number(shap['prediction'], 9)}, sum off by "
        f"{number(shap['additivity_error'])}."
    )
    if shap.get("notes"):
        yield _list(shap["notes"])


def _lime(report: Mapping[str, Any], told: Mapping[str, Any]) -> Iterable[Block]:
    lime = report["lime"]
    yield _heading("The second method (LIME)")
    if not lime:
        yield _note("This part is not there.")
        return
    rows = [(row["title"], row["where"], signed(row["weight"], 4)) for row in told["lime_rows"]]
    yield _table(("Input", "Because it is", "Weight"), rows)
    stability = "not measured" if lime["stability"] is None else percent(lime["stability"], 0)
    yield _text(
        f"Fit R² {number(lime['r2'], 3)}, stability over seeds {stability}, {number(lime['samples'])} samples; "
        f"intercept {number(lime['intercept'], 4)}, predicts {number(lime['local_prediction'], 4)} here."
    )
    if lime["dropped"]:
        yield _text(f"Left out for too few samples: {', '.join(lime['dropped'])}.")


def _alternatives(told: Mapping[str, Any]) -> Iterable[Block]:
    if told["alternatives"]:
        yield _heading("What would have changed the answer")
        yield _list(
            f"{' and '.join(map(_change, item['changes']))}: “{item['label']}” (score {percent(item['score'])})."
            for item in told["alternatives"]
        )
    if told["cases"]:
        yield _heading("Nearest people with the other answer")
        yield _list(
            f"“{item['label']}” at {percent(item['score'], 0)}, alike in {item['alike']} inputs; differs in "
            + "; ".join(f"{each['title']}: {each['there']} (here {each['here']})" for each in item["differences"])
            for item in told["cases"]
        )
        yield _note("From the background sample, without who they are, numbers as ranges. Not for the person's letter.")


def _making(explanation: Explanation, report: Mapping[str, Any], version: Version) -> Iterable[Block]:
    background = report.get("background") or {}
    yield _heading("How it was made")
    yield _facts(
        ("Artifact", f"SHA-256 {report['artifact_sha256']}, {version.artifact_format}"),
        ("Compared with", f"{background.get('population', 'nobody')}, {number(background.get('rows'))} rows"),
        ("Background", f"SHA-256 {background.get('sha256')}"),
        ("Seed", str(report["seed"])),
        ("Effort", ", ".join(f"{name} {number(value)}" for name, value in (report.get("effort") or {}).items())),
        ("Libraries", ", ".join(f"{name} {value}" for name, value in (report.get("libraries") or {}).items())),
        ("Times (ms)", ", ".join(f"{name} {number(value, 0)}" for name, value in report["timings_ms"].items())),
        ("Method", f"version {explanation.method_version}"),
        ("Asked for", f"{exact(explanation.requested_at)} by {who(explanation.requested_by)}"),
        ("Finished", exact(explanation.finished_at)),
        ("Report", f"SHA-256 {explanation.report_sha256}, without its times"),
    )


def _proof(explanation: Explanation, decision: Entry) -> Iterable[Block]:
    yield _heading("In the trail")
    finished = trail.act_about(decision.id, "explanation.finished", {"explanation": str(explanation.id)})
    yield _note(
        "The entry of the report holds its digest. Leaf indices are positions in the log's tree (RFC 6962); proofs and "
        "checkpoints can be fetched and checked with any C2SP tlog-tiles client."
    )
    yield _facts(
        ("Decision", _place(decision)),
        ("This report", _place(finished) if finished else "its entry is not there"),
        *_head(),
    )


def _place(entry: Entry) -> str:
    place = log.place_of(entry.id)
    where = f"leaf {number(place.index)}" if place else "waits to be sealed"
    return f"entry {entry.id}, {where}, leaf hash {bytes(entry.leaf_hash).hex()}"


def _head() -> list[tuple[str, str]]:
    signer, newest = log.log_signer(), log.newest_checkpoint()
    key = ("Log key", f"{signer.name}, key id {signer.vkey.split('+')[1]}")
    if newest is None:
        return [key, ("Checkpoint", "none is signed yet")]
    return [key, ("Checkpoint", f"tree size {number(newest.size)}, root {newest.root_hex}, signed {exact(newest.at)}")]


def _answer(output: Mapping[str, Any]) -> str:
    score = number(output.get("score"), 6)
    return f"{output['label']} (score {score})" if output.get("label") else score


def _change(each: Mapping[str, Any]) -> str:
    return f"{each['title']} {number(each['to'])} instead of {number(each['from'])}"


def _marked(item: Mapping[str, Any]) -> str:
    return f"{item['title']} (protected)" if item.get("protected") else str(item["title"])


def _side(distance: float) -> str:
    return "below" if distance < 0 else "above"


def _heading(text: str) -> Block:
    return {"kind": "heading", "text": text}


def _text(text: str) -> Block:
    return {"kind": "paragraph", "text": text}


def _note(text: str) -> Block:
    return {"kind": "note", "text": text}


def _list(items: Iterable[str]) -> Block:
    return {"kind": "list", "items": list(items)}


def _facts(*pairs: tuple[str, str]) -> Block:
    return {"kind": "facts", "rows": [list(pair) for pair in pairs]}


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Block:
    return {"kind": "table", "columns": list(columns), "rows": [list(row) for row in rows]}
