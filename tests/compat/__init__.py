"""Real MLflow clients and plain HTTP against Runebook and a real MLflow server: both must answer alike."""
