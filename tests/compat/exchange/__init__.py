"""Stores of files that go from MLflow to Runebook and back."""
