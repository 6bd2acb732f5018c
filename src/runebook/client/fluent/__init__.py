"""The fluent API: functions that act on the active run and experiment, one file per noun."""
