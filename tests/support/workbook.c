#include "tests/support/workbook.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define RELATION "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

const struct test_part test_workbook_parts[TEST_WORKBOOK_PARTS] = {
    [TEST_WORKBOOK_RELS] = {"_rels/.rels",
                            "<?xml version=\"1.0\"?><Relationships><Relationship Id=\"rId1\" Type=\"" RELATION
                            "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
                            0},
    [TEST_WORKBOOK_BOOK] = {"xl/workbook.xml",
                            "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" RELATION
                            "\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
                            0},
    [TEST_WORKBOOK_BOOK_RELS] = {"xl/_rels/workbook.xml.rels",
                                 "<Relationships><Relationship Id=\"rId1\" Type=\"" RELATION
                                 "/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" "
                                 "Type=\"" RELATION "/styles\" Target=\"styles.xml\"/><Relationship Id=\"rId3\" "
                                 "Type=\"" RELATION "/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>",
                                 0},
    [TEST_WORKBOOK_STYLES] = {"xl/styles.xml",
                              "<styleSheet xmlns=\"" MAIN
                              "\"><numFmts count=\"2\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd;@\"/>"
                              "<numFmt numFmtId=\"165\" formatCode=\"[h]:mm\"/><numFmt numFmtId=\"166\" "
                              "formatCode=\"000000\"/></numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>"
                              "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"21\"/><xf "
                              "numFmtId=\"165\"/><xf numFmtId=\"166\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>",
                              0},
    [TEST_WORKBOOK_STRINGS] = {"xl/sharedStrings.xml",
                               "<sst xmlns=\"" MAIN
                               "\"><si><t>id</t></si><si><t>name</t></si><si><t>no\nte</t></si><si><r><t>柳</t></r><r>"
                               "<rPr><b/></rPr><t>州</t></r><rPh sb=\"0\" eb=\"1\"><t>liu</t></rPh></si><si><t>"
                               "a_x000A_b</t></si></sst>",
                               0},
    [TEST_WORKBOOK_SHEET] = {"xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>", 0},
};

static void must(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "tests/support/workbook.c: %s\n", what);
    abort();
}

int test_workbook_zip(const struct test_part *parts, size_t count)
{
    char path[] = "/tmp/xinqiao-workbook-XXXXXX";
    int made = mkstemp(path), failure = 0;
    must(made >= 0, "mkstemp");
    close(made);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &failure);
    must(archive != NULL, "zip_open");
    for (size_t i = 0; i < count; i++) {
        size_t length = parts[i].length > 0 ? parts[i].length : strlen(parts[i].bytes);
        zip_source_t *source = zip_source_buffer(archive, parts[i].bytes, length, 0);
        must(source != NULL && zip_file_add(archive, parts[i].name, source, ZIP_FL_ENC_UTF_8) >= 0, parts[i].name);
    }
    must(zip_close(archive) == 0, "zip_close");
    int file = open(path, O_RDWR | O_CLOEXEC);
    must(file >= 0, "open");
    unlink(path);
    return file;
}

int test_workbook_sheet(const char *rows, const char *behind)
{
    struct test_part parts[TEST_WORKBOOK_PARTS];
    size_t size = strlen(rows) + strlen(behind) + 256;
    char *sheet = malloc(size);
    must(sheet != NULL, "malloc");
    snprintf(sheet, size,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<worksheet xmlns=\"" MAIN
             "\"><sheetData>%s</sheetData>%s</worksheet>",
             rows, behind);
    memcpy(parts, test_workbook_parts, sizeof parts);
    parts[TEST_WORKBOOK_SHEET].bytes = sheet;
    int file = test_workbook_zip(parts, TEST_WORKBOOK_PARTS);
    free(sheet);
    return file;
}
