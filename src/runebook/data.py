"""Datasets as inputs of runs, under the name that MLflow's users know: `runebook.data.from_pandas(frame)`."""

from runebook.client.data import Dataset, from_numpy, from_pandas

__all__ = ["Dataset", "from_numpy", "from_pandas"]
