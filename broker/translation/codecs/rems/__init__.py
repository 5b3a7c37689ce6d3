"""Documents of REMS (JSON) as trees of `schemas/rems/1/rems.xsd`, and back."""
