"""The quick encoder: bit by bit what the pipeline gives, or the pipeline itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from explain.methods.blocks import quick_encoder
from explain.methods.pipelines import split_pipeline
from registry.scoring import frames

from .planted import CATEGORIES, NUMBERS, SCHEMA, draw, of_pipeline, outcome, subject_of

CODES, HOLES = draw(400), draw(400, missing=0.15)
PEOPLE, PEOPLE_WITH_HOLES = draw(300, seed=5), draw(300, seed=5, missing=0.15)
NUMERIC = ["income", "debt", "late"]


def subject(blocks: list[Any], rows: np.ndarray = CODES, **given: Any) -> Any:
    encode = ColumnTransformer(blocks, **given)
    pipeline = Pipeline([("encode", encode), ("model", LogisticRegression())])
    return subject_of(of_pipeline(pipeline.fit(frames.from_codes(rows, SCHEMA), outcome(rows))), rows[:200])


def pair(made: Any) -> tuple[Any, Any]:
    """The encoder of a subject's pipeline, quick where it is, and the pipeline's own."""
    split = split_pipeline(made)
    transformer = made.scorer.native[0]
    columns = list(made.scorer.native.feature_names_in_)

    def plain(codes: np.ndarray) -> np.ndarray:
        rows = transformer.transform(made.frame(codes)[columns])
        return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=float)

    return split.encode, plain


QUICK = {
    "one-hot and scaled": (
        [("c", OneHotEncoder(), [*CATEGORIES, "guarantor"]), ("n", StandardScaler(), NUMERIC)],
        CODES,
    ),
    "sparse": ([("c", OneHotEncoder(handle_unknown="ignore"), CATEGORIES), ("n", "passthrough", NUMERIC)], CODES),
    "a level dropped": ([("c", OneHotEncoder(drop="first"), CATEGORIES), ("n", StandardScaler(), NUMERIC)], CODES),
    "rare levels together": (
        [("n", StandardScaler(), NUMERIC), ("c", OneHotEncoder(max_categories=2, handle_unknown="ignore"), CATEGORIES)],
        CODES,
    ),
    "imputed": (
        [
            ("c", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), CATEGORIES),
            ("n", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMERIC),
        ],
        HOLES,
    ),
    "missing as a level": ([("c", OneHotEncoder(), CATEGORIES), ("n", SimpleImputer(), NUMERIC)], HOLES),
    "ordinal beside binned": (
        [
            ("c", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), CATEGORIES),
            ("n", KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), ["income"]),
        ],
        CODES,
    ),
    "by target": ([("c", TargetEncoder(), CATEGORIES), ("n", StandardScaler(), NUMERIC)], CODES),
}


@pytest.mark.parametrize("kind", QUICK)
def test_it_gives_the_pipelines_own_bits(kind: str) -> None:
    blocks, rows = QUICK[kind]
    quick, plain = pair(subject(blocks, rows))
    assert quick.__qualname__.startswith("quick_encoder")
    people = PEOPLE if rows is CODES else PEOPLE_WITH_HOLES
    np.testing.assert_array_equal(quick(people), plain(people))


def test_what_the_pipeline_refuses_is_refused() -> None:
    """It learnt no missing category: asked about one, it speaks for itself."""
    quick, plain = pair(subject(QUICK["one-hot and scaled"][0]))
    codes = PEOPLE[:3].copy()
    codes[1, 3] = np.nan
    for encode in (quick, plain):
        with pytest.raises(ValueError, match="unknown categories"):
            encode(codes)


def test_a_mixed_block_or_an_unknown_level_goes_through_the_pipeline() -> None:
    mixed = subject([("all", OrdinalEncoder(), [*CATEGORIES, *NUMBERS])])
    few = CODES.copy()
    few[:, 3] = np.minimum(few[:, 3], 1)
    strict = subject([("c", OneHotEncoder(), CATEGORIES), ("n", StandardScaler(), NUMERIC)], few)
    for made in (mixed, strict):
        assert not split_pipeline(made).encode.__qualname__.startswith("quick_encoder")
    quick, plain = pair(strict)
    np.testing.assert_array_equal(quick(few[:50]), plain(few[:50]))


def test_an_encoder_that_gives_other_bits_is_not_used() -> None:
    made = subject([("c", OneHotEncoder(), CATEGORIES), ("n", StandardScaler(), NUMERIC)])
    _, plain = pair(made)
    calls = iter([plain])

    def shifted(codes: np.ndarray) -> np.ndarray:
        next(calls, None)
        # As a transformer that looks at the whole batch would.
        return plain(codes) + len(codes) / 1e9

    owners = split_pipeline(made).owners
    assert quick_encoder(made, [made.scorer.native[0]], shifted, owners) is shifted
