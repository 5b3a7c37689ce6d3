"""The contract of eu-https as validators."""

from __future__ import annotations

from typing import Any

import yaml
from jsonschema import Draft202012Validator

from broker.data_files import schemas_dir

CONTRACT: dict[str, Any] = yaml.safe_load((schemas_dir() / "eu-https.yaml").read_text("utf-8"))


def schema(name: str) -> Draft202012Validator:
    """Of one of its components."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]})
