"""Files that come with a message: what they are by their bytes, and what stands against handing them on."""
