"""The command line: `main.py` and one file per noun. Each command parses, calls the client, and prints."""
