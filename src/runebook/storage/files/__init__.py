"""The file store: MLflow's `mlruns` layout, read and written so that MLflow reads it too."""
