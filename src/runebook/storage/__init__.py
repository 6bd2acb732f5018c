"""Where records live. base.py holds the Protocols; each backend is a package."""
