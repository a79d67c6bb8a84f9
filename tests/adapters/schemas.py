"""The JSON Schemas of schemas/, as validators by their $id."""

import json
import pathlib

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = {schema["$id"]: schema for schema in map(json.loads, (path.read_text() for path in ROOT.glob("schemas/*.json")))}


def refuse(url):
    raise AssertionError(f"{url} is not among our schemas")


def validator(urn):
    """Knows our schemas and nothing else: no reference may lead to the network."""
    resolver = RefResolver(urn, SCHEMAS[urn], store=SCHEMAS, handlers={scheme: refuse for scheme in ("http", "https", "urn")})
    return Draft202012Validator(SCHEMAS[urn], resolver=resolver, format_checker=FormatChecker())


VALIDATORS = {urn: validator(urn) for urn in SCHEMAS}


def branches(urn):
    """The types that a schema of envelopes leads to, each with its $ref of the data."""
    return {branch["properties"]["type"]["const"]: branch["properties"]["data"]["$ref"] for branch in SCHEMAS[urn]["anyOf"]}
