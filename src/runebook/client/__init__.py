"""The fluent API, Client, and the transports they speak through."""
