"""Files of runs and models: ArtifactStore and its backends."""
