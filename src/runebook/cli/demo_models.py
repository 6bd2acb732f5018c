"""The demo's models: small, real, and trained step by step, so that there is something to log."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import product
from typing import Any, NamedTuple, Protocol

from runebook.core.errors import MissingExtra

SEED = 7


class Trial(Protocol):
    """One model with one choice of settings."""

    @property
    def name(self) -> str: ...

    @property
    def params(self) -> dict[str, Any]: ...

    def fit(self, data: Split) -> Iterator[dict[str, float]]:
        """Train, and give the metrics of each step."""

    def report(self, data: Split) -> str:
        """What the trained model does on the part that it did not see."""


class Split(NamedTuple):
    """A dataset in two parts: features of shape (n, features), targets of shape (n,)."""

    train_x: Any
    test_x: Any
    train_y: Any
    test_y: Any


class Study(NamedTuple):
    """An experiment of the demo: the trials on one dataset, and how the best is found."""

    experiment: str
    dataset: str
    data: Split
    trials: list[Trial]
    best_by: str
    filter: str


def studies() -> list[Study]:
    """Raises MissingExtra: scikit-learn is not installed."""
    try:
        from sklearn import datasets, model_selection
    except ImportError as error:
        raise MissingExtra("The demo trains with scikit-learn: pip install 'runebook[demo]'.") from error

    def split(load: Any) -> Split:
        features, targets = load(return_X_y=True)
        parts = model_selection.train_test_split(features, targets, test_size=0.25, random_state=SEED)
        return Split(*parts)

    digits: list[Trial] = [DigitsTrial(*choice) for choice in product((16, 64), (0.0003, 0.003), (0.0001, 0.01))]
    diabetes: list[Trial] = [DiabetesTrial(*choice) for choice in product((2, 3), (0.03, 0.1), (0.5, 1.0))]
    return [
        Study(
            "digits",
            "scikit-learn digits",
            split(datasets.load_digits),
            digits,
            "metrics.test_accuracy DESC",
            "metrics.test_accuracy > 0.9 AND params.hidden_units IN ('16', '64')",
        ),
        Study(
            "diabetes",
            "scikit-learn diabetes",
            split(datasets.load_diabetes),
            diabetes,
            "metrics.test_rmse ASC",
            "metrics.test_rmse < 80",
        ),
    ]


def one_thread() -> AbstractContextManager[Any]:
    """Small matrices are slower on many threads, and far slower where other programs want the cores too."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


class DigitsTrial:
    """A small neural network that reads handwritten digits of 8 x 8 pixels."""

    EPOCHS = 25

    def __init__(self, hidden_units: int, learning_rate: float, l2: float) -> None:
        self.name = f"mlp-{hidden_units}-{learning_rate:g}-{l2:g}"
        self.params = {"model": "mlp", "hidden_units": hidden_units, "learning_rate": learning_rate, "l2": l2}
        self._model: Any = None

    def fit(self, data: Split) -> Iterator[dict[str, float]]:
        from sklearn.neural_network import MLPClassifier

        settings = self.params
        self._model = MLPClassifier(
            (settings["hidden_units"],),
            learning_rate_init=settings["learning_rate"],
            alpha=settings["l2"],
            random_state=SEED,
        )
        classes = sorted(set(data.train_y.tolist()))
        for _ in range(self.EPOCHS):
            self._model.partial_fit(data.train_x / 16, data.train_y, classes=classes)
            yield {
                "train_loss": float(self._model.loss_),
                "train_accuracy": float(self._model.score(data.train_x / 16, data.train_y)),
                "test_accuracy": float(self._model.score(data.test_x / 16, data.test_y)),
            }

    def report(self, data: Split) -> str:
        from sklearn.metrics import classification_report

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a digit that is never predicted has no precision; the report shows 0
            return str(classification_report(data.test_y, self._model.predict(data.test_x / 16)))


class DiabetesTrial:
    """Boosted trees that foresee how diabetes progresses within a year."""

    TREES = 60

    def __init__(self, depth: int, learning_rate: float, subsample: float) -> None:
        self.name = f"trees-{depth}-{learning_rate:g}-{subsample:g}"
        self.params = {"model": "trees", "depth": depth, "learning_rate": learning_rate, "subsample": subsample}
        self._model: Any = None

    def fit(self, data: Split) -> Iterator[dict[str, float]]:
        from sklearn.ensemble import GradientBoostingRegressor
        from sklearn.metrics import root_mean_squared_error

        settings = self.params
        self._model = GradientBoostingRegressor(
            n_estimators=self.TREES,
            max_depth=settings["depth"],
            learning_rate=settings["learning_rate"],
            subsample=settings["subsample"],
            random_state=SEED,
        )
        self._model.fit(data.train_x, data.train_y)
        stages = zip(self._model.staged_predict(data.train_x), self._model.staged_predict(data.test_x), strict=True)
        for on_train, on_test in stages:
            yield {
                "train_rmse": float(root_mean_squared_error(data.train_y, on_train)),
                "test_rmse": float(root_mean_squared_error(data.test_y, on_test)),
            }

    def report(self, data: Split) -> str:
        r2 = self._model.score(data.test_x, data.test_y)
        importances = ", ".join(f"{share:.3f}" for share in self._model.feature_importances_)
        return f"R2 on the test part: {r2:.4f}\nImportance of each feature: {importances}\n"
