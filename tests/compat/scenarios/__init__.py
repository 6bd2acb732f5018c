"""What is asked, by topic. Everything but `normalize` runs in an MLflow client's own Python, started by `main.py`."""
