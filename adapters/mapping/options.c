/* What may stand in a mapping's file. */
#include "adapters/mapping/mapping.h"

const struct bus_option adapters_mapping_options[] = {
    {"item", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "item of the catalogue that the rows become, by default the file's name; a right of subjects as rights/repair"},
    {"format", BUS_OPTION_TEXT, NULL, 0, 0, "csv|tsv|ndjson|table|xlsx",
     "how the files are laid out; table: rows of a database, named by table"},
    {"separator", BUS_OPTION_TEXT, "", 0, 0, NULL, "of csv: the character between two fields; by default a comma"},
    {"excel", BUS_OPTION_GROUP, "", 0, 0, NULL, "of xlsx: which sheets are read, and where their header is"},
    {"quotes", BUS_OPTION_TEXT, "auto", 0, 0, "auto|yes|no",
     "whether fields may stand in double quotes; auto: in csv, not in tsv"},
    {"encoding", BUS_OPTION_TEXT, "auto", 0, 0, "auto|utf-8|gb18030", "of the files; auto tells UTF-8 from GB18030"},
    {"complete", BUS_OPTION_TEXT, "rename", 0, 0, "rename|mark|stable",
     "when a file is complete: it comes by rename, has a mark <name>.ok, or has not changed for stable_ms"},
    {"header", BUS_OPTION_BOOLEAN, "true", 0, 0, NULL, "whether the first line names the columns"},
    {"columns", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "every column that a file may have"},
    {"optional", BUS_OPTION_TEXTS, "", 0, 0, NULL, "columns that a file may lack"},
    {"ignored", BUS_OPTION_TEXTS, "", 0, 0, NULL, "columns that there may be besides, and that are not used"},
    {"table", BUS_OPTION_TEXT, "", 0, 0, NULL, "of a database: the table, with its schema"},
    {"poll", BUS_OPTION_GROUP, "", 0, 0, NULL, "of a database asked through ODBC: how often, and by which column"},
    {"list", BUS_OPTION_TEXT, "changes", 0, 0, "changes|full",
     "whether a file holds changes, or the whole list: what it no longer names is then withdrawn"},
    {"max_withdraw", BUS_OPTION_INTEGER, "10", 0, 100, NULL,
     "percent of the records of a full list that it may withdraw without an operator's approval"},
    {"max_withdraw_rows", BUS_OPTION_INTEGER, "20", 0, 1000000000, NULL, "so many it may withdraw in any case"},
    {"cadence", BUS_OPTION_TEXT, "", 0, 0, "|realtime|hourly|daily|weekly|monthly|yearly",
     "how often the department delivers; by default nobody waits for it"},
    {"due_by", BUS_OPTION_TEXT, "", 0, 0, NULL, "HH:MM, until when a day's delivery is expected; by default its end"},
    {"missing", BUS_OPTION_TEXTS, "", 0, 0, NULL, "words that mean an empty value, instead of the usual ones"},
    {"refuse", BUS_OPTION_LIST, "", 0, 0, NULL, "rows that are no records of the item"},
    {"operation", BUS_OPTION_GROUP, "", 0, 0, NULL, "which rows withdraw a record; by default none"},
    {"changed_at", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "column with the time of the row's last change: its version; not needed for full lists and databases"},
    {"subject", BUS_OPTION_GROUP, NULL, 0, 0, NULL, "whom the record is about"},
    {"area", BUS_OPTION_TEXT, "", 0, 0, NULL, "column with the area code"},
    {"default_area", BUS_OPTION_TEXT, "450200", 0, 0, NULL, "area when neither column nor credit code says it"},
    {"target", BUS_OPTION_GROUP, "", 0, 0, NULL, "of a right: the record that it is about"},
    {"fields", BUS_OPTION_LIST, NULL, 0, 0, NULL, "the fields of the item and where they come from"},
    {0},
};

const struct bus_option adapters_mapping_target_options[] = {
    {"department", BUS_OPTION_TEXT, "", 0, 0, NULL, "whose record it is; the mapping's own department by default"},
    {"item", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "its item"},
    {"key", BUS_OPTION_LIST, NULL, 0, 0, NULL, "the fields of its key, each as in fields"},
    {0},
};

const struct bus_option adapters_mapping_operation_options[] = {
    {"column", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "column with the mark"},
    {"put", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "marks of a record that is or has changed; \"\" is an empty column"},
    {"withdraw", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "marks of a record that is withdrawn"},
    {0},
};

const struct bus_option adapters_mapping_subject_options[] = {
    {"kind", BUS_OPTION_TEXT, "", 0, 0, "ORGANISATION|PERSON", "when all rows are about the same kind"},
    {"kind_column", BUS_OPTION_TEXT, "", 0, 0, NULL, "column that tells the kind, otherwise"},
    {"person_kinds", BUS_OPTION_TEXTS, "", 0, 0, NULL, "its values for persons"},
    {"organisation_kinds", BUS_OPTION_TEXTS, "", 0, 0, NULL, "its values for organisations"},
    {"person", BUS_OPTION_TEXTS, "", 0, 0, NULL, "columns with a person's number, tried in order"},
    {"organisation", BUS_OPTION_TEXTS, "", 0, 0, NULL, "columns with an organisation's code, tried in order"},
    {0},
};

const struct bus_option adapters_mapping_refuse_options[] = {
    {"column", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "column that tells such a row"},
    {"values", BUS_OPTION_TEXTS, "", 0, 0, NULL, "its values in such rows"},
    {"when_missing", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "whether a row without a value is one"},
    {"code", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "reason code"},
    {"zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "reason in Chinese"},
    {"en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "reason in English"},
    {0},
};

const struct bus_option adapters_mapping_field_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "field of the item"},
    {"from", BUS_OPTION_TEXTS, "", 0, 0, NULL, "columns, tried in order"},
    {"join", BUS_OPTION_TEXT, "", 0, 0, NULL, "all columns that are not empty, joined by this"},
    {"constant", BUS_OPTION_TEXT, "", 0, 0, NULL, "the same value in every row; \"\" is none"},
    {"only", BUS_OPTION_TEXT, "", 0, 0, "ORGANISATION|PERSON", "filled for subjects of this kind only"},
    {"steps", BUS_OPTION_TEXTS, "", 0, 0, NULL,
     "half_width, upper, without_blanks, one_line, round_brackets, excel_tail, month, amount, currency"},
    {"pad", BUS_OPTION_INTEGER, "0", 0, 64, NULL, "zeros in front up to so many characters"},
    {"unit", BUS_OPTION_TEXT, "元", 0, 0, NULL,
     "of an amount: the unit that the field counts in and a bare number has"},
    {"split", BUS_OPTION_TEXT, "", 0, 0, NULL, "the text is parted by this"},
    {"part", BUS_OPTION_INTEGER, "1", 1, 64, NULL, "which part is taken"},
    {"table", BUS_OPTION_LIST, "", 0, 0, NULL, "pairs (from, to) of values"},
    {"table_file", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "the same in a CSV file with the columns from and to, by its path from the mapping"},
    {"none", BUS_OPTION_TEXTS, "", 0, 0, NULL, "values that mean nothing here; dates as YYYY-MM-DD"},
    {0},
};
