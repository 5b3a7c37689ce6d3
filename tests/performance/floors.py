"""The floors: what the same work costs with libxml2, PostgreSQL, RabbitMQ and HTTP alone.

Nothing of ours is imported here. Everything is compiled and connected beforehand, as it is on our side.
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree


def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))


class Validated:
    """Parse and validate, once."""

    def __init__(self, schema: Path) -> None:
        self._schema = _schema(schema)

    def __call__(self, data: bytes) -> None:
        self._schema.assertValid(etree.fromstring(data))


class Translated:
    """Parse, validate, validate the result, serialise the result; the result itself costs nothing: it is there."""

    def __init__(self, source: Path, target: Path, result: bytes) -> None:
        self._source, self._target = _schema(source), _schema(target)
        self._result = etree.fromstring(result)

    def __call__(self, data: bytes) -> bytes:
        self._source.assertValid(etree.fromstring(data))
        self._target.assertValid(self._result)
        return etree.tostring(self._result, encoding="UTF-8", xml_declaration=True)
