#!/usr/bin/env python3
"""The generator keeps its promises: the same arguments write the same bytes, numbers carry true check digits, one code has one
name in every department, and a feed's timestamps rise. Checks it with its own arithmetic. Silent when all holds.
"""
import csv
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENCODINGS = {"market": "gb18030", "tax": "utf-8-sig", "social": "utf-8", "traffic": "gbk", "transport": "utf-8",
             "court": "utf-8-sig", "safety": "gb18030", "customs": "utf-8"}
USCC_COLUMNS = {"UNISCID", "shxydm", "aab003", "XK_XDR_SHXYM", "CF_XDR_SHXYM", "ZT_SHXYM", "CO_CODE_SCC"}
CITIZEN_COLUMNS = {"CERNO", "sfzh", "jszh", "dsrzjh", "XK_XDR_ZJHM", "CF_XDR_ZJHM", "fddbrsfzh", "ZT_ZJHM"}
NAME_COLUMNS = ["ENTNAME", "nsrmc", "dwmc", "aab004", "XK_XDR_MC", "CF_XDR_MC", "dsrmc", "bzxrmc", "ZT_MC", "COP_NAME"]
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def uscc_holds(code):
    outer = sum(ALPHABET.index(letter) * pow(3, place, 31) for place, letter in enumerate(code[:17]))
    inner = 11 - sum(LETTERS.index(letter) * weight for letter, weight in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    return (len(code) == 18 and (outer + ALPHABET.index(code[17])) % 31 == 0
            and code[16] == {10: "X", 11: "0"}.get(inner, str(inner)))


def citizen_holds(number):
    """ISO 7064 MOD 11-2: the weighted sum with its check is 1 modulo 11."""
    values = [10 if letter == "X" else int(letter) for letter in number]
    return len(number) == 18 and sum(value * pow(2, 17 - place, 11) for place, value in enumerate(values)) % 11 == 1


def rows_of(path):
    text = path.read_bytes().decode(ENCODINGS[path.parts[-3]])
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ","))


def generate(folder, *more):
    subprocess.run([ROOT / "tests" / "generate", "--records", "8000", "--seed", "42", "--out", folder, "--summary", "/dev/null",
                    *more], check=True)
    return sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())


def digests(paths):
    return [(path.parts[-3:], hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


def main():
    assert uscc_holds("91350100M000100Y43") and not uscc_holds("91350100M000100Y4X")
    assert citizen_holds("11010519491231002X") and not citizen_holds("110105194912310021")
    problems, names = [], {}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        if digests(generate(one)) != digests(generate(two, "--jobs", "1")):
            problems.append("the same arguments wrote other bytes")
    with tempfile.TemporaryDirectory() as clean:
        for path in generate(clean, "--dirty", "0"):
            last = ""
            for row in rows_of(path):
                moment = row.get("TS") or row.get("GXSJ") or row.get("gxsj") or row.get("UPDATE_TIME")
                if moment <= last:
                    problems.append(f"{path.name}: {moment} does not rise")
                last = moment
                name = next((row[column] for column in NAME_COLUMNS if row.get(column)), None)
                for column in USCC_COLUMNS & row.keys():
                    if row[column] and not uscc_holds(row[column]):
                        problems.append(f"{path.name}: {column} has a wrong check digit")
                    if row[column] and names.setdefault(row[column], name) != name:
                        problems.append(f"{path.name}: one code, two names")
                for column in CITIZEN_COLUMNS & row.keys():
                    if row[column] and not citizen_holds(row[column]):
                        problems.append(f"{path.name}: {column} has a wrong check digit")
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
