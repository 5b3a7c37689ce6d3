"""Who is calling: node keys, bearer tokens, keys of an external issuer, API keys."""
