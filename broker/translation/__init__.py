"""Between a national schema, eu-1 and the wire: mappings, codecs, reports. Pure; lxml trees are its data."""
