"""MLflow's mlruns folder, read and written."""
