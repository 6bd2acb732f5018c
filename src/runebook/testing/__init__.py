"""Contract suites for storage backends, shipped for other people's backends too."""
