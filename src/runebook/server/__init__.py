"""The ASGI app: routing from the operations, and what guards it."""
