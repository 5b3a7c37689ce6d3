"""XML: the one hardened parser, the libxml2 gate, and the xmlschema diagnosis."""
