/* Identifier: the national identifiers of subjects, places and vehicles, checked by the rules of their standards.
 *
 * Every check takes text as it is (no trimming, no case folding: mappings do that) and answers BUS_OK or BUS_REJECT with a
 * code of its own. */
#ifndef BUS_IDENTIFIER_H
#define BUS_IDENTIFIER_H

#include "bus/bytes.h"

/* Unified social credit code, GB 32100-2015. REJECT USCC_LENGTH, USCC_ALPHABET, USCC_CATEGORY (department and category do not
 * fit), USCC_CHECK_DIGIT. `out_inner_bad` (may be NULL): the body code's own check fails, which is a warning only. */
BUS_MUST_CHECK enum bus_status bus_identifier_uscc(struct bus_bytes text, bool *out_inner_bad, struct bus_error *error);
/* Organisation code, GB 11714: nine characters, "D2143569X" or "D2143569-X". REJECT ORGANISATION_CODE_FORMAT,
 * ORGANISATION_CODE_CHECK_DIGIT. */
BUS_MUST_CHECK enum bus_status bus_identifier_organisation_code(struct bus_bytes text, struct bus_error *error);
/* Citizen identity number, GB 11643-1999: 18 digits, or the old 15. REJECT CITIZEN_NUMBER_FORMAT, CITIZEN_NUMBER_DATE,
 * CITIZEN_NUMBER_CHECK_DIGIT. */
BUS_MUST_CHECK enum bus_status bus_identifier_citizen(struct bus_bytes text, struct bus_error *error);
/* 15 to 18 digits, with the check digit; `out_text` holds 19 bytes. REJECT as above. */
BUS_MUST_CHECK enum bus_status bus_identifier_citizen_18(struct bus_bytes text, char out_text[19],
                                                         struct bus_error *error);
/* Birth date in days since 1970-01-01 of a good citizen number. */
int32_t bus_identifier_citizen_birth(struct bus_bytes text);
/* Plate, GA 36-2018, ordinary, new energy and the special endings. REJECT PLATE_FORMAT. */
BUS_MUST_CHECK enum bus_status bus_identifier_plate(struct bus_bytes text, struct bus_error *error);
/* Traffic violation code, GA/T 16.31. REJECT VIOLATION_CODE_FORMAT. */
BUS_MUST_CHECK enum bus_status bus_identifier_violation_code(struct bus_bytes text, struct bus_error *error);
/* Court case number such as (2019)桂0202执1194号, brackets of either width. REJECT CASE_NUMBER_FORMAT. */
BUS_MUST_CHECK enum bus_status bus_identifier_case_number(struct bus_bytes text, struct bus_error *error);

/* Days since 1970-01-01 of a Gregorian date; false when there is no such day. */
bool bus_date_days(int year, int month, int day, int32_t *out_days);
void bus_date_civil(int32_t days, int *out_year, int *out_month, int *out_day);

#endif
