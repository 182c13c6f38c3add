#include "subscribers/serve/guests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bucket.h"
#include "subscribers/serve/question.h"

enum { GUESTS = 256, SECOND_US = 1000 * 1000 };

struct guest {
    char name[SERVE_CLIENT_SIZE];
    struct bus_bucket bucket;
};

struct serve_guests {
    pthread_mutex_t lock;
    int64_t per_minute, burst;
    struct guest guests[GUESTS];
};

struct serve_guests *serve_guests_create(int64_t per_minute, int64_t burst)
{
    struct serve_guests *guests = calloc(1, sizeof *guests);
    if (guests == NULL)
        return NULL;
    guests->per_minute = per_minute;
    guests->burst = burst;
    pthread_mutex_init(&guests->lock, NULL);
    return guests;
}

void serve_guests_destroy(struct serve_guests *guests)
{
    if (guests == NULL)
        return;
    pthread_mutex_destroy(&guests->lock);
    free(guests);
}

/* The guest of that name, in the place of whoever has been silent for longest when it is new. */
static struct guest *find(struct serve_guests *guests, const char *name)
{
    struct guest *oldest = &guests->guests[0];
    for (struct guest *guest = guests->guests; guest < guests->guests + GUESTS; guest++) {
        if (strcmp(guest->name, name) == 0)
            return guest;
        if (guest->bucket.at_us < oldest->bucket.at_us)
            oldest = guest;
    }
    *oldest = (struct guest){0};
    snprintf(oldest->name, sizeof oldest->name, "%s", name);
    return oldest;
}

int serve_guests_admit(struct serve_guests *guests, const char *name, int64_t now_us)
{
    pthread_mutex_lock(&guests->lock);
    int64_t wait_us = bus_bucket_take(&find(guests, name)->bucket, guests->per_minute, guests->burst, now_us);
    pthread_mutex_unlock(&guests->lock);
    return wait_us == 0 ? 0 : (int)(wait_us / SECOND_US + 1);
}
