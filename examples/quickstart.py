"""The shortest program that is of use: log three runs, then ask for the best.

    python examples/quickstart.py

Everything lands in `runebook.db` in the working directory; `runebook ui` shows it.
"""

from __future__ import annotations

import runebook as rb


def train(learning_rate: float, steps: int) -> float:
    """Walk down a parabola, and log the height of every step."""
    position = 4.0
    height = position**2
    for step in range(steps):
        position -= learning_rate * 2 * position
        height = position**2
        rb.log_metric("loss", height, step=step)
    return height


def main() -> None:
    rb.set_experiment("quickstart")
    for learning_rate in (0.01, 0.1, 0.4):
        with rb.start_run(run_name=f"rate {learning_rate}"):
            rb.log_params({"learning_rate": learning_rate, "steps": 20})
            loss = train(learning_rate, steps=20)
            rb.set_tag("converged", loss < 1e-3)
            rb.log_text(f"The loss came down to {loss:.2e}.\n", "notes.txt")

    best = rb.search_runs(order_by=["metrics.loss ASC"], max_results=1, output_format="list")[0]
    print(f"The best of all runs is {best.info.run_name!r}: loss {best.data.metrics['loss']:.2e}")
    print(f"It is kept at {rb.get_tracking_uri()}")


if __name__ == "__main__":
    main()
