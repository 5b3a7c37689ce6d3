"""The laws of translation over documents drawn from the schemas, for every profile and both directions."""
