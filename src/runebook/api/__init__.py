"""The operations: everything that crosses the line between client and server, declared once, one file per noun."""
