"""A long training in float32 as it logs itself, what scripts log beside it, and plain noise: a million points in 20 s.

A softmax regression learns scikit-learn's digits by small batches, with fresh weights and another learning rate every
time it has run for a while, so that a long curve is more training and never the same numbers again.
"""

from __future__ import annotations

import math
import random
import time
from array import array
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

_BATCH = 16
_TRAINING_STEPS = 50_000
_STEP_MS = 40.0
_START_MS = 1_767_225_600_000
_CLASSES = 10


class Curve(NamedTuple):
    """One series: int64 steps, int64 times (ms) and float64 values, of one length."""

    steps: array[int]
    times: array[int]
    values: array[float]


class Training(NamedTuple):
    """What a training measured at every step, float32-born where a framework computes in float32."""

    loss: array[float]
    gradient_norm: array[float]
    accuracy: array[float]
    learning_rate: array[float]
    times: array[int]


def curves(points: int) -> dict[str, Curve]:
    """One curve of each kind that scripts log, each of so many points.

    `loss` (of the batch), `smooth_loss` (its moving average) and `gradient_norm` are float32-born; `accuracy` is a
    moving average of k/16; `learning_rate` decays by a cosine in float64; `epoch` counts; `random` is uniform noise in
    float64. The times are those of the training, stretched to 40 ms a step.
    """
    trained = train(points)
    steps = array("q", range(points))
    noise = random.Random(7)
    values = {
        "loss": trained.loss,
        "smooth_loss": _smoothed(trained.loss),
        "gradient_norm": trained.gradient_norm,
        "accuracy": _smoothed(trained.accuracy),
        "learning_rate": trained.learning_rate,
        "epoch": array("d", (step // 112 for step in steps)),
        "random": array("d", (noise.random() for _ in steps)),
    }
    return {name: Curve(steps, trained.times, column) for name, column in values.items()}


@cache
def train(steps: int) -> Training:
    """Train for so many steps: about 25 us each."""
    found = Training(array("d"), array("d"), array("d"), array("d"), array("q"))
    elapsed_s: list[float] = []
    for number, first in enumerate(range(0, steps, _TRAINING_STEPS)):
        step = _training(seed=number, peak_rate=0.05 * 1.3 ** (number % 7))
        for index in range(min(_TRAINING_STEPS, steps - first)):
            started = time.perf_counter()
            loss, norm, accuracy, rate = step(index)
            elapsed_s.append(time.perf_counter() - started)
            found.loss.append(loss)
            found.gradient_norm.append(norm)
            found.accuracy.append(accuracy)
            found.learning_rate.append(rate)
    found.times.extend(_stretched(elapsed_s))
    return found


def _training(*, seed: int, peak_rate: float) -> Callable[[int], tuple[float, float, float, float]]:
    """A step of one training by its number: loss, norm of the gradient, accuracy and learning rate of its batch."""
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    labels = np.eye(_CLASSES, dtype=np.float32)[digits.target]
    generator = np.random.default_rng(seed)
    weights = generator.normal(0, 0.1, (images.shape[1], _CLASSES)).astype(np.float32)
    batches = generator.integers(0, len(images), (_TRAINING_STEPS, _BATCH))

    def step(index: int) -> tuple[float, float, float, float]:
        nonlocal weights
        chosen = batches[index]
        x, y = images[chosen], labels[chosen]
        scores = np.exp(x @ weights)
        likely = scores / scores.sum(axis=1, keepdims=True)
        gradient = x.T @ (likely - y) / np.float32(_BATCH)
        rate = peak_rate * 0.5 * (1 + math.cos(math.pi * index / _TRAINING_STEPS))
        weights = weights - np.float32(rate) * gradient
        loss = -np.log((likely * y).sum(axis=1)).mean()
        right = (likely.argmax(axis=1) == y.argmax(axis=1)).mean()
        return float(loss), float(np.sqrt((gradient * gradient).sum())), float(right), rate

    return step


def _smoothed(values: array[float]) -> array[float]:
    """The exponential moving average, in float32 as a framework keeps it."""
    smooth = np.float32(values[0]) if values else np.float32(0)
    kept, new = np.float32(0.98), np.float32(0.02)
    found: array[float] = array("d")
    for value in values:
        smooth = kept * smooth + new * np.float32(value)
        found.append(float(smooth))
    return found


def _stretched(elapsed_s: list[float]) -> array[int]:
    """Milliseconds since the epoch: the steps took as long as measured, made longer, pauses of the machine included."""
    if not elapsed_s:
        return array("q")
    factor = _STEP_MS / np.median(elapsed_s)
    return array("q", (_START_MS + np.cumsum(np.array(elapsed_s) * factor)).astype(np.int64).tolist())
