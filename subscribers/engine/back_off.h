/* Back-off: how long to wait for somebody who is away. */
#ifndef SUBSCRIBERS_ENGINE_BACK_OFF_H
#define SUBSCRIBERS_ENGINE_BACK_OFF_H

#include <stdint.h>

/* Waits, each time twice as long as before; *wait_ms is 0 at first and is kept here. */
void subscribers_back_off(int64_t *wait_ms);

#endif
