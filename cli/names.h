/* Names as an officer types them: of subscribers, departments, items, records. What is unknown is answered with the nearest name, on
 * standard error; the caller then returns CLI_WRONG_USE. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "cli/command.h"

/* Whether `name` is among the names, of a list that is short; otherwise says so, with the nearest and with all. */
bool cli_is_known(const char *what_zh, const char *what_en, const char *name, const char *const *names, size_t count);

/* NULL after saying what is unknown. */
const struct bus_subscriber *cli_subscriber(const struct bus_catalogue *catalogue, const char *name);
const struct bus_department *cli_department(const struct bus_catalogue *catalogue, const char *name);
const struct bus_item *cli_item(const struct bus_catalogue *catalogue, const char *department, const char *item);
/* "DEPARTMENT/ITEM". */
const struct bus_item *cli_item_path(const struct bus_catalogue *catalogue, const char *path);

/* The identity of the record that a department calls `key`; the department's name in front of it may be left out. False after
 * saying what is unknown. */
bool cli_record_identity(const struct bus_catalogue *catalogue, const char *department, const char *item,
                         const char *key, uint8_t out_identity[BUS_IDENTITY_SIZE]);

#endif
