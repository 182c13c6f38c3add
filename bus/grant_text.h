/* Grant text: what a grant says, in the words in which people read it; one thing a function, without a line's end. */
#ifndef BUS_GRANT_TEXT_H
#define BUS_GRANT_TEXT_H

#include "bus/catalogue.h"

/* "tax.credit.grade"; "*.penalty" of every department. */
void bus_grant_text_item(const struct bus_grant *grant, struct bus_buffer *text);
/* "subject_name:mask", as in grants.cfg. */
void bus_grant_text_field(const struct bus_grant *grant, size_t index, struct bus_buffer *text);
void bus_grant_text_fields(const struct bus_grant *grant, struct bus_buffer *text);
/* "2023-05-01 – 2026-12-31", both included, days in Beijing; nothing behind the dash when it is open. */
void bus_grant_text_period(const struct bus_grant *grant, struct bus_buffer *text);
/* "组织 organisations", "全部 all", "amount >= 5", "customers.txt", "撤回 withdraw"; "无 none" when there is none. */
void bus_grant_text_subjects(const struct bus_grant *grant, struct bus_buffer *text);
void bus_grant_text_areas(const struct bus_grant *grant, struct bus_buffer *text);
void bus_grant_text_conditions(const struct bus_grant *grant, struct bus_buffer *text);
void bus_grant_text_portfolio(const struct bus_grant *grant, struct bus_buffer *text);
void bus_grant_text_end(const struct bus_grant *grant, struct bus_buffer *text);

#endif
