"""The spool: what a process logs, on the disk of its machine until the store has it."""
