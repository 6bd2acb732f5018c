"""The filter language: text -> tree, and order_by; evaluated here, compiled to SQL by the database stores."""
