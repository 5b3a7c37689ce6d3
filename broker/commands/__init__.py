"""The commands of `hdeu`, one module for each group; only the one that is called is loaded."""
