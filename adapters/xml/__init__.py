"""XML: the one hardened parser, the libxml2 gate, and the xmlschema diagnosis."""

from adapters.xml.documents import XmlDocuments
from adapters.xml.parser import Limits

__all__ = ["Limits", "XmlDocuments"]
