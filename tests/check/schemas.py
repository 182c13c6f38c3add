#!/usr/bin/env python3
"""Proves that the data contracts under schemas/ are whole, without any of the project's own code.

Every item's schema begins with the envelope; every field is documented in Chinese and English and says who may have it;
code lists exist; a new version only adds fields that an old reader may miss; no published schema has changed; every grant
names a field that exists and may be granted. Standard library only. Silent when all holds; else it prints what is wrong and ends with 1.
"""
import hashlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
CLASSIFICATIONS = ["public", "shared", "authorised", "secret"]
CHECKS = ["uscc", "organisation_code", "citizen_number", "area", "plate", "violation_code", "case_number"]
ATTRIBUTES = {"name", "type", "default", "doc", "classification", "personal", "required", "max_length", "check", "code_list",
              "code_separator"}
problems = []


def problem(place, text):
    problems.append(f"{place}: {text}")


# --- reading libconfig ----------------------------------------------------------------------------------------------

TOKEN = re.compile(r'\s*(?:#[^\n]*\n|("(?:\\.|[^"\\])*")|([{}()\[\];,=:])|([^\s{}()\[\];,=:"#]+))')


def libconfig(path):
    text = path.read_text(encoding="utf-8") + "\n"
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{path}: cannot read {text[at:at + 30]!r}")
        at = match.end()
        token = match[1] or match[2] or match[3]
        if token:
            tokens.append(token)
    value, rest = group(tokens, 0, None)
    if rest != len(tokens):
        raise ValueError(f"{path}: trailing {tokens[rest]!r}")
    return value


def group(tokens, at, end):
    out = {}
    while at < len(tokens) and tokens[at] != end:
        name = tokens[at]
        if tokens[at + 1] not in ("=", ":"):
            raise ValueError(f"expected = after {name}")
        if name in out:
            raise ValueError(f"{name} given twice")
        out[name], at = value_at(tokens, at + 2)
        if at < len(tokens) and tokens[at] in (";", ","):
            at += 1
    return out, at


def value_at(tokens, at):
    token = tokens[at]
    if token == "{":
        out, at = group(tokens, at + 1, "}")
        return out, at + 1
    if token in ("(", "["):
        end, out, at = {"(": ")", "[": "]"}[token], [], at + 1
        while tokens[at] != end:
            value, at = value_at(tokens, at)
            out.append(value)
            if tokens[at] == ",":
                at += 1
        return out, at + 1
    if token.startswith('"'):
        return json.loads(token), at + 1
    return {"true": True, "false": False}.get(token.lower(), token if not token.lstrip("-").isdigit() else int(token)), at + 1


# --- schemas --------------------------------------------------------------------------------------------------------

def bilingual(doc):
    chinese, slash, english = (doc or "").partition(" / ")
    return bool(slash and re.search("[\u4e00-\u9fff]", chinese) and re.search("[a-z]", english)
                and not re.search("[\u4e00-\u9fff]", english))


def check_docs(place, schema):
    if isinstance(schema, list):
        for branch in schema:
            check_docs(place, branch)
    elif isinstance(schema, dict):
        if schema.get("type") == "array":
            check_docs(place, schema["items"])
        for field in schema.get("fields", []):
            where = f"{place}: {field['name']}"
            if not bilingual(field.get("doc")):
                problem(where, "its doc is not '中文 / English'")
            if "default" in field and not (isinstance(field["type"], list) and field["type"][0] == "null"):
                problem(where, "default null, yet its type does not begin with null")
            check_docs(where, field["type"])


def base_type(field):
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    branches = [branch for branch in branches if branch != "null"]
    return branches[0] if len(branches) == 1 else None


def check_attributes(place, field, of_envelope):
    where = f"{place}: {field['name']}"
    for name in set(field) - ATTRIBUTES:
        problem(where, f"unknown attribute {name}")
    if field.get("classification") not in CLASSIFICATIONS:
        problem(where, f"classification must be one of {CLASSIFICATIONS}")
    if not isinstance(field.get("personal"), bool):
        problem(where, "personal must be true or false")
    if of_envelope:
        return
    kind = base_type(field)
    nullable = isinstance(field["type"], list)
    if kind is None:
        problem(where, "a type is either T or [null, T]")
    if not isinstance(field.get("required"), bool):
        problem(where, "required must be true or false")
    elif kind == "string" and field["required"] == nullable:
        problem(where, "a string is plain when required and nullable when not")
    elif kind != "string" and not nullable:
        problem(where, "only strings may be plain: a withdrawal carries no values")
    if kind == "string" and "max_length" not in field and "code_list" not in field:
        problem(where, "a string needs max_length or code_list")
    if "check" in field and field["check"] not in CHECKS:
        problem(where, f"check must be one of {CHECKS}")
    if "code_list" in field and not (SCHEMAS / "codes" / (field["code_list"] + ".cfg")).is_file():
        problem(where, f"no code list {field['code_list']}")
    if isinstance(kind, dict) and kind.get("logicalType") == "decimal":
        if not 0 <= kind.get("scale", -1) <= kind.get("precision", 0) <= 38:
            problem(where, "decimal needs 0 <= scale <= precision <= 38")


def check_item(path, envelope):
    place = str(path.relative_to(ROOT))
    schema = json.loads(path.read_text(encoding="utf-8"))
    name, _, version = path.stem.rpartition("-")
    if schema["name"] != name.replace(".", "_") or schema["namespace"] != "xinqiao." + path.parent.name:
        problem(place, "name or namespace does not follow from the file's name")
    if not bilingual(schema.get("doc")):
        problem(place, "its doc is not '中文 / English'")
    fields = schema["fields"]
    if fields[:len(envelope)] != envelope:
        problem(place, "does not begin with the fields of schemas/envelope.avsc, word for word")
    names = [field["name"] for field in fields]
    for twice in {each for each in names if names.count(each) > 1}:
        problem(place, f"field {twice} stands twice")
    for field in fields[len(envelope):]:
        check_attributes(place, field, False)
    check_docs(place, schema)
    before = path.with_name(f"{name}-{int(version) - 1}.avsc")
    if int(version) > 1:
        if not before.is_file():
            problem(place, f"{before.name} is missing")
        else:
            check_evolution(place, json.loads(before.read_text(encoding="utf-8"))["fields"], fields)
    return schema


def check_evolution(place, old, new):
    old_names = {field["name"]: field for field in old}
    new_names = {field["name"]: field for field in new}
    for name, field in old_names.items():
        if name not in new_names or new_names[name]["type"] != field["type"]:
            problem(place, f"field {name} of the last version is gone or has another type")
        elif CLASSIFICATIONS.index(new_names[name]["classification"]) < CLASSIFICATIONS.index(field["classification"]):
            problem(place, f"field {name} is more open than in the last version")
    for name, field in new_names.items():
        if name not in old_names and ("default" not in field or field.get("required")):
            problem(place, f"new field {name} needs a default and may not be required")


def check_published():
    place, listed = "schemas/published", {}
    for line in (SCHEMAS / "published").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
        path = SCHEMAS / name
        if not path.is_file():
            problem(place, f"{name} was published and is gone")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            problem(place, f"{name} was published and has changed: publish a new version instead")
    for path in sorted(SCHEMAS.rglob("*.avsc")):
        name = path.relative_to(SCHEMAS).as_posix()
        if name not in listed:
            problem(place, f"{name} is not listed: add its sha256sum")


# --- catalogue, code lists and grants -------------------------------------------------------------------------------

def check_codes():
    for path in sorted((SCHEMAS / "codes").glob("*.cfg")):
        if path.name == "calendar.cfg":
            continue
        place, codes = str(path.relative_to(ROOT)), libconfig(path)
        seen = {}
        for value in codes["values"]:
            code = value["code"]
            for name in ("zh", "en"):
                if not value.get(name):
                    problem(place, f"{code} has no {name}")
            if seen.get(code, "9") > value.get("from", "0") and code in seen:
                problem(place, f"{code} stands twice with lives that overlap")
            seen[code] = value.get("to", "9")
        for value in codes["values"]:
            for heir in value.get("successors", []):
                if heir not in seen:
                    problem(place, f"{value['code']} names {heir}, which is not listed")


def check_catalogue(schemas):
    place = "schemas/catalogue.cfg"
    catalogue = libconfig(SCHEMAS / "catalogue.cfg")
    departments = {department["name"] for department in catalogue["departments"]}
    classes = {value["code"] for value in libconfig(SCHEMAS / "codes" / "catalogue_class.cfg")["values"]}
    items, numbers = {}, set()
    for item in catalogue["items"]:
        where = f"{place}: {item['department']} {item['name']}"
        folder = item.get("folder", item["department"])
        schema = schemas.get((folder, item["name"], item["version"]))
        if item["department"] not in departments:
            problem(where, "no such department")
        if item["number"] in numbers:
            problem(where, f"number {item['number']} stands twice")
        numbers.add(item["number"])
        if item["class_zh"] not in classes:
            problem(where, f"{item['class_zh']} is none of the 13 classes")
        if schema is None:
            problem(where, "has no schema of that version")
            continue
        if (folder, item["name"], item["version"] + 1) in schemas:
            problem(where, "is not at its newest version")
        fields = {field["name"]: field for field in schema["fields"]}
        for name in item["key"] + ([item["register_status"]] if item.get("register") else []):
            if name not in fields:
                problem(where, f"has no field {name}")
        for term in item.get("terms", []):
            for name in [term["from"]] + ([term["field"]] if "field" in term else []):
                if name not in fields:
                    problem(where, f"a term names {name}, which is no field of it")
            codes = {value["code"] for value in code_values(fields.get(term.get("field"), {}).get("code_list"))}
            for value in term.get("values", []):
                if codes and value not in codes:
                    problem(where, f"a term names the value {value}, which {term['field']} cannot have")
        items[(item["department"], item["name"])] = (item, fields)
    return items


def code_values(name):
    return libconfig(SCHEMAS / "codes" / (name + ".cfg"))["values"] if name else []


def check_grants(items):
    numbers, names = set(), set()
    for path in sorted((ROOT / "subscribers" / "receivers").glob("*/grants.cfg")):
        place, receiver = str(path.relative_to(ROOT)), libconfig(path)
        if not 0 <= receiver["number"] <= 63 or receiver["number"] in numbers:
            problem(place, "number must be 0..63 and its own")
        numbers.add(receiver["number"])
        for grant in receiver["grants"]:
            where = f"{place}: {grant['name']}"
            if grant["name"] in names:
                problem(where, "stands twice")
            names.add(grant["name"])
            for name in ("purpose", "legal_basis", "from"):
                if not grant.get(name):
                    problem(where, f"has no {name}")
            found = [value for (department, item), value in items.items()
                     if item == grant["item"] and grant.get("department", department) == department]
            if not found or len({value[0].get("folder", value[0]["department"]) for value in found}) > 1:
                problem(where, "names no item, or several with different schemas: say the department")
                continue
            item, fields = found[0]
            if receiver["public"] and item["openness"] != "public":
                problem(where, "would publish an item that is not public")
            for text in grant["fields"]:
                name, _, transform = text.partition(":")
                if transform not in ("", "mask", "year", "present"):
                    problem(where, f"field {name} has the unknown transform {transform}")
                if name not in fields:
                    problem(where, f"field {name} does not exist")
                elif fields[name]["classification"] == "secret":
                    problem(where, f"field {name} is secret")
                elif receiver["public"] and fields[name]["classification"] != "public":
                    problem(where, f"field {name} is not public")
                elif (receiver["public"] and fields[name]["personal"] and transform not in ("mask", "present")
                      and grant.get("subject_kinds") != ["ORGANISATION"]):
                    problem(where, f"field {name} is personal: a public receiver may have it of organisations only, or masked")


def main():
    envelope = json.loads((SCHEMAS / "envelope.avsc").read_text(encoding="utf-8"))["fields"]
    for field in envelope:
        check_attributes("schemas/envelope.avsc", field, True)
    schemas = {}
    for path in sorted(SCHEMAS.rglob("*.avsc")):
        if path.parent == SCHEMAS or path.parent.name == "internal":
            check_docs(str(path.relative_to(ROOT)), json.loads(path.read_text(encoding="utf-8")))
            continue
        name, _, version = path.stem.rpartition("-")
        schemas[(path.parent.name, name, int(version))] = check_item(path, envelope)
    check_codes()
    check_grants(check_catalogue(schemas))
    check_published()
    for line in problems:
        print(line)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
