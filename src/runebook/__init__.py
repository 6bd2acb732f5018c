"""Runebook: the lab book of machine-learning runs."""

from runebook._version import __version__ as __version__
