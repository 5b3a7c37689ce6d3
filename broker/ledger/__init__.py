"""The journal: entries, sealing, export, and a verifier that stands alone."""
