"""What reloads cost: see __main__.py."""
