/* Catalogue options: the tables by which the catalogue's files are read, for whoever explains them. */
#ifndef BUS_CATALOGUE_OPTIONS_H
#define BUS_CATALOGUE_OPTIONS_H

#include "bus/settings.h"

/* catalogue.cfg, and the elements of its lists `departments`, `items`, an item's `terms`, and `rights`. */
extern const struct bus_option bus_catalogue_options[], bus_catalogue_department_options[],
    bus_catalogue_item_options[], bus_catalogue_term_options[], bus_catalogue_right_options[];
/* A subscriber's grants.cfg, and the elements of `grants`. */
extern const struct bus_option bus_catalogue_subscriber_options[], bus_catalogue_grant_options[];
/* A code list, and the elements of `values`. */
extern const struct bus_option bus_catalogue_code_list_options[], bus_catalogue_code_options[];
/* codes/calendar.cfg, and the elements of `years` and of their `holidays`. */
extern const struct bus_option bus_calendar_options[], bus_calendar_year_options[], bus_calendar_holiday_options[];

#endif
