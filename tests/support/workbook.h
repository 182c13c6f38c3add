/* Workbook: an .xlsx file made of parts written by hand, for tests of what no library would write. */
#ifndef TEST_SUPPORT_WORKBOOK_H
#define TEST_SUPPORT_WORKBOOK_H

#include <stdbool.h>
#include <stddef.h>

struct test_part {
    const char *name;
    const void *bytes;
    size_t length; /* 0: that of the text */
};

/* An open file that holds the zip archive of `count` parts. */
int test_workbook_zip(const struct test_part *parts, size_t count);
/* The workbook of one sheet "S" with these rows, which stand in <sheetData>; `behind` follows it. Its styles: 0 General, 1 yyyy-mm-dd, 2 h:mm:ss, 3 [h]:mm, 4 000000,
 * 5 the built-in day. Shared strings: 0 id, 1 name, 2 note, 3 柳州 (rich, with a phonetic run), 4 a_x000A_b. */
int test_workbook_sheet(const char *rows, const char *behind);
/* The parts that every workbook has, to be copied and changed. */
enum {
    TEST_WORKBOOK_RELS,
    TEST_WORKBOOK_BOOK,
    TEST_WORKBOOK_BOOK_RELS,
    TEST_WORKBOOK_STYLES,
    TEST_WORKBOOK_STRINGS,
    TEST_WORKBOOK_SHEET,
    TEST_WORKBOOK_PARTS
};
extern const struct test_part test_workbook_parts[TEST_WORKBOOK_PARTS];

#endif
