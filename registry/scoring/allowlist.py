"""The policy of what a skops file may contain: ours alone, complete, never taken from the file.

skops trusts every scikit-learn estimator by default and lets callers add to that. We check each node of
`schema.json` against the tables below *before* skops reads the file, so that the library's defaults do
not widen the policy, and hand it `EXTRA_TRUSTED` only for what its own defaults lack.

Left out on purpose: `sklearn.svm` models on libsvm, `sklearn.neighbors`, `sklearn.gaussian_process`
(compiled code indexes into raw arrays from the file, or the model carries training persons with it),
every method, partial and operator node, every function but a few of numpy and scikit-learn that only
compute, and constructors called with arguments from the file (`ConstructorFromReduceNode`).
Trees are let in, and their raw node arrays are checked after loading (`trees.py`).
"""

from __future__ import annotations

import re

# What an object node may be: families of scikit-learn …
_ESTIMATORS = (
    r"sklearn\.(pipeline|isotonic|dummy|naive_bayes|discriminant_analysis|compose\._column_transformer)"
    r"|sklearn\.compose\._target|sklearn\.calibration|sklearn\.random_projection"
    r"|sklearn\.(impute|preprocessing|linear_model|feature_selection|decomposition)\._[a-z_.]+"
    r"|sklearn\.ensemble\._(forest|gb|bagging|voting|stacking|weight_boosting)"
    r"|sklearn\.ensemble\._hist_gradient_boosting\.(gradient_boosting|binning|predictor)"
    r"|sklearn\.tree\._classes|sklearn\.svm\._classes|sklearn\.neural_network\._multilayer_perceptron"
    r"|sklearn\.neural_network\._stochastic_optimizers|sklearn\._loss\.(link|loss)"
    r"|sklearn\.utils\._bunch"
)
# … minus these …
_BARRED = {
    "sklearn.svm._classes.SVC",
    "sklearn.svm._classes.NuSVC",
    "sklearn.svm._classes.SVR",
    "sklearn.svm._classes.NuSVR",
    "sklearn.svm._classes.OneClassSVM",
    "sklearn.impute._knn.KNNImputer",
}
# … plus boosters wrapped as estimators.
_WRAPPED = {
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
}
_PLAIN = r"builtins\.(str|int|float|bool|list|tuple|dict|set|bytes|bytearray|slice|NoneType)"
_NUMPY = (
    r"numpy\.(u?int(8|16|32|64)|float(16|32|64)|bool_?|str_|object_|ndarray|dtype)"
    r"|numpy\.ma(\.core)?\.MaskedArray"
)

_SCORE_FUNCTIONS = tuple(
    f"sklearn.feature_selection.{name}"
    for name in (
        "_univariate_selection.chi2",
        "_univariate_selection.f_classif",
        "_univariate_selection.f_regression",
        "_mutual_info.mutual_info_classif",
        "_mutual_info.mutual_info_regression",
    )
)

_ALLOWED_BY_NODE: dict[str, re.Pattern[str]] = {
    "ObjectNode": re.compile(rf"(?:{_ESTIMATORS})\.[A-Za-z_]+"),
    "DictNode": re.compile(r"builtins\.dict|collections\.OrderedDict|sklearn\.utils\._bunch\.Bunch"),
    "DefaultDictNode": re.compile(r"collections\.defaultdict"),
    "ListNode": re.compile(r"builtins\.list"),
    "SetNode": re.compile(r"builtins\.set"),
    "TupleNode": re.compile(r"builtins\.tuple"),
    "BytesNode": re.compile(r"builtins\.bytes"),
    "BytearrayNode": re.compile(r"builtins\.bytearray"),
    "SliceNode": re.compile(r"builtins\.slice"),
    "JsonNode": re.compile(_PLAIN),
    # A type by its name: LightGBM keeps its scores in a defaultdict of OrderedDict.
    "TypeNode": re.compile(rf"{_PLAIN}|{_NUMPY}|collections\.OrderedDict"),
    "DTypeNode": re.compile(r"numpy\.dtype"),
    "NdArrayNode": re.compile(_NUMPY),
    "MaskedArrayNode": re.compile(_NUMPY),
    "SparseMatrixNode": re.compile(r"scipy\.sparse\._cs[rc]\.cs[rc]_(matrix|array)"),
    "RandomStateNode": re.compile(r"numpy\.random\.mtrand\.RandomState"),
    "RandomGeneratorNode": re.compile(r"numpy\.random\._generator\.Generator"),
    "LossNode": re.compile(r"sklearn\._loss\._loss\.Cy[A-Za-z]+"),
    "FunctionNode": re.compile(
        r"numpy\.(log|log1p|log2|log10|exp|expm1|sqrt|cbrt|square|absolute|sign|negative|reciprocal)|"
        + "|".join(map(re.escape, _SCORE_FUNCTIONS))
    ),
    "TreeNode": re.compile(r"sklearn\.tree\._tree\.Tree"),
}

# Seen in files of scikit-learn 1.9.1 (research: delivery §3.2) and reviewed.
EXTRA_TRUSTED: tuple[str, ...] = (
    "collections.OrderedDict",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    *_SCORE_FUNCTIONS,
    *sorted(_WRAPPED),
)


def is_allowed(node: str, type_name: str) -> bool:
    """Return whether a node of this kind may hold this type. A cached node repeats one already checked."""
    if node == "CachedNode":
        return True
    if node == "ObjectNode" and type_name in _WRAPPED:
        return True
    pattern = _ALLOWED_BY_NODE.get(node)
    return pattern is not None and pattern.fullmatch(type_name) is not None and type_name not in _BARRED
