"""From a save to a report: one room for each step (DESIGN.md draws the way through them)."""
