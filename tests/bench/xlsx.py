"""The rows of workbooks against openpyxl in its read-only mode, which is the usual way to read large ones in Python. Needs no exchange.

The rows that both read are the same; openpyxl gets a tenth of them, because its time grows with the rows and nothing else, and its start is
measured apart.
"""
import os
import subprocess
import sys
import time

import figures

FOLDER = os.path.join(os.environ["XQ_ROOT"], "build", "bench-xlsx")
ROWS = int(os.environ.get("XQ_BENCH_XLSX", "500000"))
COLUMNS = 20
PARTS = 10  # openpyxl reads one of so many
ROUNDS = 3

WRITE = r"""
import random, sys, xlsxwriter
path, rows, columns, is_shared = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "shared"
random.seed(1)
book = xlsxwriter.Workbook(path, {"constant_memory": not is_shared, "tmpdir": sys.argv[5]})
sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
sheet.write_row(0, 0, [f"c{i}" for i in range(columns)])
for row in range(1, rows + 1):
    for column in range(columns):
        kind = column % 5
        if kind == 0:
            sheet.write_string(row, column, f"9145020{row * columns + column:011d}")
        elif kind == 1:
            sheet.write_string(row, column, f"柳州市某某建设工程有限公司第{row % 5000}号")
        elif kind == 2:
            sheet.write_number(row, column, row * 100 + column)
        elif kind == 3:
            sheet.write_number(row, column, 40000 + row % 5000, day)
        else:
            sheet.write_number(row, column, round(random.random() * 1e6, 2))
book.close()
"""

READ = r"""
import openpyxl, resource, sys, time
began = time.monotonic()
book = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)
rows = book.worksheets[0].iter_rows(values_only=True)
next(rows)
first = time.monotonic()
count = sum(1 for _ in rows)
print(count, time.monotonic() - first, first - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write(name, rows, kind):
    path = os.path.join(FOLDER, name)
    subprocess.run([sys.executable, "-c", WRITE, path, str(rows), str(COLUMNS), kind, FOLDER], check=True)
    return path


def ours(path, rows):
    """Rows a second, from the first byte to the last row, and the peak memory in MiB."""
    names = ",".join(f"c{i}" for i in range(COLUMNS))
    began = time.monotonic()
    result = subprocess.run([os.path.join(os.environ["XQ_BUILD"], "bin", "rows"), "xlsx", names, path, "--count"],
                            capture_output=True, text=True, check=True)
    count, refused, _, peak_kib = map(int, result.stdout.split())
    if count != rows or refused:
        raise SystemExit(f"{path}: {count} rows read and {refused} refused of {rows}")
    return rows / (time.monotonic() - began), peak_kib / 1024


def theirs(path, rows):
    result = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    count, seconds, _, peak_kib = result.stdout.split()
    if int(count) != rows:
        raise SystemExit(f"{path}: openpyxl read {count} rows of {rows}")
    return rows / float(seconds), int(peak_kib) / 1024


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for kind in ("shared", "inline"):
        whole, part = write(f"{kind}.xlsx", ROWS, kind), write(f"{kind}-part.xlsx", ROWS // PARTS, kind)
        pairs = []
        for _ in range(ROUNDS):
            pairs.append((ours(whole, ROWS), theirs(part, ROWS // PARTS)))
            print(f"  {kind} strings, {os.path.getsize(whole) / 1e6:.0f} MB: {pairs[-1][0][0]:,.0f} rows/s in {pairs[-1][0][1]:.0f} MiB, "
                  f"openpyxl {pairs[-1][1][0]:,.0f} rows/s", flush=True)
        best = max(mine[0] for mine, _ in pairs), max(other[0] for _, other in pairs)
        figures.record(f"xlsx: {COLUMNS} columns, {kind} strings", best[0], "rows/s")
        figures.record(f"xlsx: openpyxl read-only, {kind} strings", best[1], "rows/s")
        figures.record(f"xlsx: ratio to openpyxl, {kind} strings", best[0] / best[1], "", 10)
        figures.record(f"xlsx: peak memory, {kind} strings", max(mine[1] for mine, _ in pairs), "MiB", 100, at_most=True)
        os.remove(whole)
        os.remove(part)


if __name__ == "__main__":
    main()
