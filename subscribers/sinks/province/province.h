/* Province sink: a courier that reports to the provincial platform in its own codes (docs/province.md, docs/openapi/province.yaml).
 *
 *   province.c          the sink's table: configuration, what is under way
 *   province_mapping    which item becomes which kind of row, with which fields
 *   province_value      one field's value, as the province writes it
 *   province_row        a delivery as a row, or the reason why the province would refuse it
 *   province_plan       what a delivery asks of the province, given what is noted of its record
 *   province_job        one batch on its way: looked up, sent, split where the province refuses, settled
 *   province_request    requests and their idempotency keys
 *   province_answer     what the province answers, believed only as far as it fits what was sent
 *   province_memory     what is noted of each record */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_H
#define SUBSCRIBERS_SINKS_PROVINCE_H

#include "subscribers/sinks/sink.h"

extern const struct subscribers_sink subscribers_province;

#endif
