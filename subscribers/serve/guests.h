/* Guests: how often each client asks, for the last so many of them. Thread-safe. */
#ifndef SUBSCRIBERS_SERVE_GUESTS_H
#define SUBSCRIBERS_SERVE_GUESTS_H

#include <stdint.h>

struct serve_guests;

/* NULL when out of memory. */
struct serve_guests *serve_guests_create(int64_t per_minute, int64_t burst);
void serve_guests_destroy(struct serve_guests *guests);
/* One question of the client of that name: 0 = go on, else the seconds after which it may come again. */
int serve_guests_admit(struct serve_guests *guests, const char *name, int64_t now_us);

#endif
