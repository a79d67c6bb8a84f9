"""The JSON Schemas of schemas/ and of the golden files' own event types, as validators by their $id."""

import json
import pathlib

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

ROOT = pathlib.Path(__file__).resolve().parents[2]


def read(pattern):
    return {schema["$id"]: schema for schema in (json.loads(path.read_text()) for path in ROOT.glob(pattern))}


OURS = read("schemas/*.json")
OWN = read("tests/adapters/golden/*/*.schema.json")  # they may refer to ours: "urn:trunkline:schema:data:v1#/$defs/time"
SCHEMAS = OURS | OWN


def refuse(url):
    raise AssertionError(f"{url} is not among our schemas")


def validator(urn):
    """Knows our schemas and nothing else: no reference may lead to the network."""
    resolver = RefResolver(urn, SCHEMAS[urn], store=SCHEMAS, handlers={scheme: refuse for scheme in ("http", "https", "urn")})
    return Draft202012Validator(SCHEMAS[urn], resolver=resolver, format_checker=FormatChecker())


def own_envelope():
    """The schema of events whose types are not ours: the same attributes, and any data."""
    schema = {name: member for name, member in SCHEMAS["urn:trunkline:schema:event:v1"].items() if name not in ("$id", "anyOf")}
    schema["properties"] = schema["properties"] | {"type": {"type": "string", "pattern": r"^(?!io\.trunkline\.)[a-z0-9._-]+\.v[0-9]+$"}}
    return schema


OWN_ENVELOPE = "urn:trunkline:schema:own-event:v1"
SCHEMAS[OWN_ENVELOPE] = own_envelope()
VALIDATORS = {urn: validator(urn) for urn in SCHEMAS}


def branches(urn):
    """The types that a schema of envelopes leads to, each with its $ref of the data."""
    return {branch["properties"]["type"]["const"]: branch["properties"]["data"]["$ref"] for branch in SCHEMAS[urn]["anyOf"]}
