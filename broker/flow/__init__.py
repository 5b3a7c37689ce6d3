"""The way of a message: doors, stages, outcomes, retries, and the loops that keep it moving."""
