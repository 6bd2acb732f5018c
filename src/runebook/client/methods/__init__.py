"""The methods of `Client`, one file per noun."""
