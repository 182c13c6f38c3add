/* Sample: a good event of any item, of which a test names only what matters to it. */
#ifndef TEST_SUPPORT_SAMPLE_H
#define TEST_SUPPORT_SAMPLE_H

#include "bus/catalogue.h"
#include "tests/support/event_builder.h"

#define TEST_SAMPLE_USCC "91450200198229141F"
#define TEST_SAMPLE_NAME "柳州示例有限公司"

enum { TEST_SAMPLE_PROBLEM_SIZE = 200 };

/* Appends the framed event of `version` to `buffer`. `given` (ends with a NULL name) holds values as people write them: dates
 * 2026-11-24, times 2026-11-24T09:00:00Z, decimals with their point, enums by symbol, "null" for null, repeat:TEXT:COUNT for a long
 * text. Every other field gets a value that validation accepts, or null where it is optional. False with a sentence when a field
 * does not exist or a value is none of its type. */
bool test_sample_event(const struct bus_catalogue *catalogue, const struct bus_item *item,
                       const struct bus_item_version *version, const struct test_field *given,
                       struct bus_buffer *buffer, char problem[TEST_SAMPLE_PROBLEM_SIZE]);

#endif
