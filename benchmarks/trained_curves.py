"""Curves as training makes them: models are trained here on real data, and every step is logged with its wall clock.

PyTorch gives float32-born numbers and its own schedules; without it scikit-learn's curves remain.
"""

from __future__ import annotations

import random
import time
from array import array
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

from runebook.core.columns import Columns

Curves = dict[str, Columns]
BATCH = 64


class Log:
    """What a training loop would give to `log_metrics`."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, int, float]]] = defaultdict(list)

    def add(self, step: int, values: dict[str, float]) -> None:
        now = time.time_ns() // 1_000_000
        for name, value in values.items():
            self._rows[name].append((step, now, float(value)))

    def curves(self, prefix: str) -> Curves:
        found = {}
        for name, rows in self._rows.items():
            steps, times, values = zip(*rows, strict=True)
            found[f"{prefix} {name}"] = Columns(array("q", steps), array("q", times), array("d", values))
        return found


class _TorchTraining:
    """A small network on digits with AdamW, warm-up and cosine decay; beside it a rate that is halved in steps."""

    def __init__(self, steps: int) -> None:
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(1)
        nn, rates = torch.nn, torch.optim.lr_scheduler
        digits = load_digits()
        self._torch = torch
        self._x = torch.tensor(digits.data / 16, dtype=torch.float32)
        self._y = torch.tensor(digits.target)
        self._model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=3e-3)
        warm_up = rates.LinearLR(self._optimizer, 0.01, total_iters=steps // 20)
        cosine = rates.CosineAnnealingLR(self._optimizer, steps - steps // 20)
        self._rate = rates.SequentialLR(self._optimizer, [warm_up, cosine], [steps // 20])
        self._stepped = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        self._halved = rates.StepLR(self._stepped, steps // 10, 0.5)
        self._running = 0.0
        self._before = time.perf_counter()

    def step(self, number: int) -> dict[str, float]:
        chosen = self._torch.randint(0, len(self._x), (BATCH,))
        out = self._model(self._x[chosen])
        loss = self._torch.nn.functional.cross_entropy(out, self._y[chosen])
        self._optimizer.zero_grad()
        loss.backward()
        norm = self._torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        for part in (self._optimizer, self._stepped, self._rate, self._halved):
            part.step()
        self._running += (loss.item() - self._running) * 0.02
        now, before = time.perf_counter(), self._before
        self._before = now
        return {
            "loss": loss.item(),
            "gradient norm": norm.item(),
            "cosine rate": self._rate.get_last_lr()[0],
            "step rate": self._halved.get_last_lr()[0],
            "accuracy": int((out.argmax(1) == self._y[chosen]).sum()) / BATCH,
            "running loss": self._running,
            "samples seen": (number + 1) * BATCH,
            "epoch": (number * BATCH) // len(self._x),
            "epoch, a fraction": number * BATCH / len(self._x),
            "samples a second": BATCH / (now - before),
        }

    def held_out(self) -> dict[str, float]:
        with self._torch.no_grad():
            out = self._model(self._x)
            loss = self._torch.nn.functional.cross_entropy(out[:512], self._y[:512])
            right = (out.argmax(1) == self._y).float().mean()
        return {"held-out loss": loss.item(), "held-out accuracy": right.item()}


def torch_curves(steps: int) -> Curves:
    """What a training with PyTorch logs: float32-born losses, rates in float64, counters and ratios."""
    training = _TorchTraining(steps)
    log = Log()
    for step in range(steps):
        log.add(step, training.step(step))
        if step % 10 == 9:
            log.add(step, training.held_out())
    return log.curves("torch")


def sklearn_curves(steps: int) -> Curves:
    """SGD on digits, a batch a step; an MLP's loss per epoch; boosting's loss per tree. All float64-born."""
    digits = load_digits()
    x, y = digits.data / 16, digits.target
    rng = np.random.default_rng(0)
    model = SGDClassifier(loss="log_loss", random_state=0)
    log = Log()
    for step in range(steps):
        chosen = rng.integers(0, len(x), BATCH)
        model.partial_fit(x[chosen], y[chosen], classes=range(10))
        if step % 5 == 0:
            probability = np.clip(model.predict_proba(x[chosen])[range(BATCH), y[chosen]], 1e-12, 1)
            log.add(step, {"loss": -float(np.log(probability).mean())})
            log.add(step, {"accuracy": float(model.score(x[chosen], y[chosen]))})
            log.add(step, {"accuracy, 4 digits": round(float(model.score(x, y)), 4)})
    network = MLPClassifier((32,), max_iter=300, tol=0, n_iter_no_change=1000, random_state=0).fit(x, y)
    for step, loss in enumerate(network.loss_curve_):
        log.add(step, {"MLP loss": loss})
    boosted = GradientBoostingRegressor(n_estimators=2000, subsample=0.5, random_state=0).fit(
        *load_diabetes(return_X_y=True)
    )
    for step, loss in enumerate(boosted.train_score_):
        log.add(step, {"boosting loss": loss})
    return log.curves("sklearn")


def made_curves(steps: int) -> Curves:
    """What no training makes: noise, and the wall clocks of slow and of fast loops."""
    rng = random.Random(0)  # data of a measurement
    log = {
        "random, uniform": (lambda: rng.random(), lambda: 100 + rng.randrange(8)),
        "random, normal": (lambda: rng.gauss(0, 1), lambda: rng.randrange(3)),
        "random bits, seconds apart": (_any_double(rng), lambda: 3000 + int(rng.gauss(0, 40))),
    }
    found = {}
    for name, (value, gap) in log.items():
        now = 1_790_000_000_000
        times = array("q")
        for _ in range(steps):
            now += gap()
            times.append(now)
        found[f"made {name}"] = Columns(array("q", range(steps)), times, array("d", (value() for _ in range(steps))))
    return found


def _any_double(rng: random.Random) -> Callable[[], float]:
    return lambda: array("d", rng.randbytes(8))[0]
