"""The filter language: from text to a tree, and what order_by means."""
