"""The JSON schema of a spec, for editors and for programs that write specs."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from derive.network.choices import ACTIVATIONS, LOSSES
from derive.network.parts import LIKELIHOOD
from derive.spec import Network, plain

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHORT_LAYER = {"type": "string", "minLength": 1, "description": 'such as "dense 2 sigmoid"'}


class _Generator(GenerateJsonSchema):
    """Writes defaults the way a spec writes them."""

    def encode_default(self, dft: Any) -> Any:
        """Our models and fractions as JSON data."""
        return plain(dft)


def schema() -> dict[str, Any]:
    """The JSON schema of a spec in its long form, with the short forms of layers and choices.

    >>> schema()["properties"]["likelihood"]["enum"]
    ['gaussian', 'bernoulli', 'categorical']
    """
    made = Network.model_json_schema(schema_generator=_Generator)
    parts = made["$defs"]
    for name, part in parts.items():
        table = part.get("anyOf", [part])[-1]
        if "kind" in table.get("properties", {}):
            table["required"] = ["kind", *table.get("required", [])]
        for place, known in (("Activation", ACTIVATIONS), ("Loss", LOSSES)):
            if name == place:
                words = [*known, "formula", *(["index_formula", "likelihood"] * (place == "Loss"))]
                table["properties"]["name"] = {"enum": words}
                table.pop("required", None)
    for owner in (made, parts["Residual"]):
        layers = owner["properties"]["layers"]
        layers["items"] = {"anyOf": [_SHORT_LAYER, layers["items"]]}
    made["properties"]["likelihood"] = dict(LIKELIHOOD.schema)
    made["required"] = ["input", "layers"]
    made["oneOf"] = [{"required": ["loss"]}, {"required": ["likelihood"]}]
    return {"$schema": DIALECT, **made}
