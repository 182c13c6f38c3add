"""Workbooks as openpyxl and XlsxWriter write them, read by the adapters: every cell is what the libraries were given.

    excel.py BIN        BIN holds the program `rows`

Prints "N passed, N failed".
"""
import datetime
import os
import subprocess
import sys
import tempfile

import openpyxl
import openpyxl.styles
import xlsxwriter

COLUMNS = ["主体名称", "统一社会信用代码", "金额", "日期", "时间", "备注"]
passed = failed = 0


def prove(what, found, wanted):
    global passed, failed
    if found == wanted:
        passed += 1
        print(f"✓ {what}")
    else:
        failed += 1
        print(f"✗ {what}\n    found  {found}\n    wanted {wanted}")


def rows_of(path, *options):
    """What the adapters read: lists of fields, the first being the row's number; in place of it `N!` for a refused row."""
    result = subprocess.run([os.path.join(sys.argv[1], "rows"), "xlsx", ",".join(COLUMNS[:5]) + ",?" + COLUMNS[5], path, *options],
                            capture_output=True, text=True, check=False)
    return [line.split("\t") for line in result.stdout.split("\n") if line]


NAMES = ["柳州市某某商贸有限公司", "𠮷野家（柳州）", " 空格 & <标记> \"引号\"", "=不是公式", "_x000D_"]
MOMENTS = [datetime.datetime(2020, 6, 18), datetime.datetime(2022, 3, 4, 19, 0, 6), datetime.datetime(1900, 1, 31),
           datetime.datetime(1999, 12, 31, 23, 59, 59), datetime.datetime(9999, 12, 31)]
AMOUNTS = [0, 1, -12.5, 1234567.89, 0.1 + 0.2, 45000.1, 99999999999, 1e-7]
TEXTS = ["0", "1", "-12.5", "1234567.89", "0.3", "45000.1", "99999999999", "0.0000001"]


def moment_text(moment):
    return moment.strftime("%Y-%m-%d" if moment.time() == datetime.time() else "%Y-%m-%d %H:%M:%S").zfill(10)


def sheet_rows(count):
    """Rows as they are given to a library, and as the adapters are to read them."""
    for i in range(count):
        name, moment = NAMES[i % len(NAMES)], MOMENTS[i % len(MOMENTS)]
        code = f"9145020{i:011d}"
        given = [name, code, AMOUNTS[i % len(AMOUNTS)], moment, datetime.time(i % 24, i % 60, 5), "" if i % 3 else i % 2 == 0]
        read = [name, code, TEXTS[i % len(TEXTS)], moment_text(moment), f"{i % 24:02d}:{i % 60:02d}:05",
                "" if i % 3 else str(i % 2 == 0).upper()]
        yield given, read


def by_openpyxl(path, count, title_rows=0):
    book = openpyxl.Workbook()
    sheet = book.active
    for i in range(title_rows):
        sheet.append([f"标题{i}"])
    if title_rows:
        sheet.merge_cells(start_row=1, start_column=1, end_row=title_rows, end_column=6)
    sheet.append(COLUMNS)
    wanted = []
    for given, read in sheet_rows(count):
        sheet.append([given[0].replace("_x", "_x005F_x"), *given[1:]])  # which openpyxl leaves to its caller
        cell = sheet.cell(sheet.max_row, 1)
        if given[0].startswith("="):
            cell.data_type = "s"
        if read[5] == "":
            sheet.cell(sheet.max_row, 6).value = None
        wanted.append([str(sheet.max_row)] + read)
    for row in range(sheet.max_row + 1, sheet.max_row + 50):
        sheet.cell(row, 1).fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
    book.save(path)
    return wanted


def by_xlsxwriter(path, count, constant_memory, options=None):
    book = xlsxwriter.Workbook(path, {"constant_memory": constant_memory, "strings_to_formulas": False, **(options or {})})
    sheet = book.add_worksheet("数据")
    day, clock = book.add_format({"num_format": 'yyyy"年"m"月"d"日"'}), book.add_format({"num_format": "hh:mm:ss"})
    sheet.write_row(0, 0, COLUMNS)
    wanted = []
    for i, (given, read) in enumerate(sheet_rows(count)):
        sheet.write_string(i + 1, 0, given[0])
        sheet.write_string(i + 1, 1, given[1])
        sheet.write_number(i + 1, 2, given[2])
        sheet.write_datetime(i + 1, 3, given[3], day)
        sheet.write_datetime(i + 1, 4, given[4], clock)
        if read[5]:
            sheet.write_boolean(i + 1, 5, given[5])
        wanted.append([str(i + 2)] + read)
    book.close()
    return wanted


def wrong_cells(path):
    """What a clerk can do wrong, and the cell and code that it is told by."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    good = ["某公司", "x", 1, "2020-06-18", "12:00"]
    sheet.write_row(0, 0, COLUMNS)
    for row in range(1, 8):
        sheet.write_row(row, 0, good)
    sheet.write_number(1, 1, 914502001234567890)
    sheet.write_formula(2, 2, "=NA()", None, "#N/A")
    sheet.write_number(3, 7, 5)
    sheet.merge_range(4, 0, 5, 0, "两行")
    sheet.write_formula(6, 2, "=1+1", None, 2)
    sheet.write_rich_string(7, 0, "某", book.add_format({"bold": True}), "某", "公司")
    book.close()
    return [["2!", "VALUE_SCIENTIFIC", COLUMNS[1]], ["3!", "CELL_ERROR", COLUMNS[2]], ["4!", "COLUMN_COUNT", ""],
            ["5", "两行"], ["6!", "CELL_MERGED", COLUMNS[0]], ["7", "某公司", "x", "2"], ["8", "某某公司"]]


def protected(path):
    """Sheets that are hidden, protected or charts; a formula whose result openpyxl never knows."""
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["请填写第二张表"])
    sheet = book.create_sheet("名单")
    sheet.append(COLUMNS)
    sheet.append(["甲", "乙", 1, "2020-06-18", "=1+1"])
    sheet.append(["甲", "乙", 1, "2020-06-18", "8:00"])
    sheet.protection.sheet = True
    hidden = book.create_sheet("旧数据")
    hidden.append(COLUMNS)
    hidden.append(["丙", "丁", 1, "2020-06-18", "8:00"])
    hidden.sheet_state = "veryHidden"
    book.create_chartsheet("图")
    book.save(path)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "book.xlsx")
        prove("openpyxl: 2000 rows, formatting behind them", *reversed([by_openpyxl(path, 2000), rows_of(path)]))
        prove("openpyxl: the header below merged titles", *reversed([by_openpyxl(path, 20, 3), rows_of(path)]))
        prove("XlsxWriter: 2000 rows with shared strings", *reversed([by_xlsxwriter(path, 2000, False), rows_of(path)]))
        prove("XlsxWriter: inline strings", *reversed([by_xlsxwriter(path, 200, True), rows_of(path)]))
        MOMENTS[2] = datetime.datetime(1904, 1, 2)
        prove("XlsxWriter: days counted from 1904", *reversed([by_xlsxwriter(path, 200, False, {"date_1904": True}), rows_of(path)]))
        wanted = wrong_cells(path)
        found = [row[:len(want)] for row, want in zip(rows_of(path), wanted)]
        prove("what is wrong is told by its cell", found, wanted)
        protected(path)
        found = [row[:3] for row in rows_of(path)]
        prove("the sheet with the header is found among others", found, [["2!", "CELL_FORMULA", COLUMNS[4]], ["3", "甲", "乙"]])
        prove("a hidden sheet is read when it is named", [row[:2] for row in rows_of(path, "--sheet", "旧数据")], [["2", "丙"]])
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
